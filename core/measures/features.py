"""Remaining detail of a picture: the size of its features, and their distribution from center to border.

NumPy only, from the pixels of a result, so that pages and command line need no torch. Lengths are shares of the
picture's width, so that networks of different input size compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.items import Pixels

Numbers = NDArray[np.float64]

EDGE_THRESHOLD = 0.5
"""Threshold of edges that belong to a feature, relative to the original's root mean square."""
MIN_COMPONENT_PIXELS = 4
"""Minimal size of a component; smaller ones are noise."""
NO_ENERGY = 1e-12
"""Energy of less is rounding: a picture of 8 bits with any edge has more."""
RINGS = 8
"""Number of rings from center to border, all of the same area."""


@dataclass(frozen=True)
class RemainingDetail:
    """Detail that one picture's optimization left, compared with the original.

    nan for what needs edges where there are none.
    """

    feature_size: float
    """Energy-weighted mean extent of the connected components of remaining edges."""
    wavelength: float
    """Mean wavelength of the remaining edges, from their radial spectrum."""
    wavelength_before: float
    sizes: Numbers
    """Extents of the connected components, (K,)."""
    weights: Numbers
    """Share of the edge energy in each component, (K,)."""
    rings: Numbers
    """Share of the remaining edge energy in each ring, center to border, (RINGS,)."""
    rings_before: Numbers
    edges_left: float
    """Remaining edge energy as a share of the original's."""

    @property
    def border_weight(self) -> float:
        """Share of the edge energy in the outer half of the picture's area, relative to the original's share."""
        outer = RINGS // 2
        return _ratio(float(self.rings[outer:].sum()), float(self.rings_before[outer:].sum()))


def remaining_detail(original: Pixels, remaining: Pixels) -> RemainingDetail:
    """Remaining detail of `original` in `remaining`, both (H, W, 3) uint8."""
    before, after = edge_energy(original), edge_energy(remaining)
    sizes, weights = components(after, EDGE_THRESHOLD**2 * float(before.mean()))
    total = float(weights.sum())
    return RemainingDetail(
        feature_size=_ratio(float((sizes * weights).sum()), total),
        wavelength=edge_wavelength(remaining),
        wavelength_before=edge_wavelength(original),
        sizes=sizes,
        weights=weights,
        rings=ring_shares(after),
        rings_before=ring_shares(before),
        edges_left=_ratio(float(after.sum()), float(before.sum())),
    )


def _ratio(part: float, whole: float) -> float:
    """`part` / `whole`; nan for a ratio to nothing."""
    return part / whole if whole > NO_ENERGY else math.nan


def edge_energy(pixels: Pixels) -> Numbers:
    """Squared Sobel responses of pixels in [0, 1], summed over colors and both directions, (H, W)."""
    values = pixels.astype(np.float64) / 255
    energy = np.zeros(values.shape[:2])
    for color in range(3):
        for axis in (0, 1):
            energy += ndimage.sobel(values[:, :, color], axis=axis, mode="nearest") ** 2
    return energy


def components(energy: Numbers, threshold: float) -> tuple[Numbers, Numbers]:
    """Extents (K,) and energy shares (K,) of the connected components where `energy` (H, W) exceeds `threshold`.

    An extent is the longer side of a component's bounding box over the picture's width.
    """
    labels, _ = ndimage.label(energy > threshold, structure=np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    counts = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:]
    sums = np.bincount(labels.ravel(), weights=energy.ravel(), minlength=len(boxes) + 1)[1:]
    sides = np.array([max(part.stop - part.start for part in box) for box in boxes], dtype=np.float64)
    kept = counts >= MIN_COMPONENT_PIXELS
    return sides[kept] / energy.shape[1], sums[kept] / max(float(energy.sum()), NO_ENERGY)


def radial_spectrum(pixels: Pixels) -> Numbers:
    """Radial power spectrum of brightness, (side // 2,): entry k sums all directions at k + 1 cycles per width.

    Computed on the central square, with its mean subtracted and a Hann window.
    """
    gray = pixels.astype(np.float64).mean(axis=2) / 255
    side = min(gray.shape)
    top, start = (gray.shape[0] - side) // 2, (gray.shape[1] - side) // 2
    square = gray[top : top + side, start : start + side]
    window = np.hanning(side)
    power = np.abs(np.fft.fft2((square - square.mean()) * window[:, None] * window)) ** 2
    cycles = np.fft.fftfreq(side, 1 / side)
    radius = np.rint(np.hypot(cycles[:, None], cycles)).astype(np.intp)
    summed = np.bincount(radius.ravel(), weights=power.ravel())[1 : side // 2 + 1]
    return summed.astype(np.float64)


def edge_wavelength(pixels: Pixels) -> float:
    """1 / mean frequency of the edges, as a share of the width; the power of edges is power times frequency squared.

    nan for a constant picture.
    """
    power = radial_spectrum(pixels)
    cycles = np.arange(1, len(power) + 1)
    edges = power * cycles**2
    return _ratio(float(edges.sum()), float((edges * cycles).sum()))


def ring_edges() -> Numbers:
    """Outer radii of the rings, (RINGS,), 1 at the border; all rings have the same area."""
    ends: Numbers = np.sqrt(np.arange(1, RINGS + 1) / RINGS)
    return ends


def ring_shares(energy: Numbers) -> Numbers:
    """Share of `energy` (H, W) in each ring, (RINGS,); rings are frames of rectangles of the same area.

    nan where there is no energy.
    """
    height, width = energy.shape
    rows, columns = (np.abs((np.arange(length) + 0.5) / length * 2 - 1) for length in (height, width))
    distance = np.maximum(rows[:, None], columns)
    ring = np.minimum(np.searchsorted(ring_edges(), distance.ravel()), RINGS - 1)
    sums = np.bincount(ring, weights=energy.ravel(), minlength=RINGS)
    total = float(sums.sum())
    shares: Numbers = sums / total if total > NO_ENERGY else np.full(RINGS, np.nan)
    return shares
