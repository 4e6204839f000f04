"""What is left of a picture, as numbers: how large its features are, and how they lie between border and center.

In pure NumPy, from the pixels that a result keeps: pages and command line need no torch for it. Lengths are shares of
the picture's width, so that networks of different input size compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.items import Pixels

Numbers = NDArray[np.float64]

VISIBLE = 0.5
"""An edge belongs to a feature from this share of the original's root mean square on."""
LEAST_PIXELS = 4
"""Smaller components are single pixels that happened to stay."""
RINGS = 8
"""From the center to the border, each of the same area."""


@dataclass(frozen=True)
class RemainingDetail:
    """What one picture's optimization left, beside what was there."""

    feature_size: float
    """Mean extent of the connected parts of the edges that are left, each by its energy; nan where none is left"""
    wavelength: float
    """Of the edges that are left, by the middle of their radial spectrum"""
    wavelength_before: float
    sizes: Numbers
    """(K,) extents of the connected parts"""
    weights: Numbers
    """(K,) share of the edge energy in each"""
    rings: Numbers
    """(RINGS,) share of the edge energy left, from the center to the border"""
    rings_before: Numbers
    edges_left: float
    """Edge energy left, as a share of the original's"""

    @property
    def border_weight(self) -> float:
        """Share of the edge energy in the outer half of the picture's area, by the same share of the original."""
        outer = RINGS // 2
        return float(self.rings[outer:].sum() / max(self.rings_before[outer:].sum(), 1e-12))


def remaining_detail(original: Pixels, remaining: Pixels) -> RemainingDetail:
    """Measure what is left of `original` in `remaining`, both (H, W, 3) uint8."""
    before, after = edge_energy(original), edge_energy(remaining)
    sizes, weights = components(after, VISIBLE**2 * float(before.mean()))
    total = float(weights.sum())
    return RemainingDetail(
        feature_size=float((sizes * weights).sum() / total) if total else float("nan"),
        wavelength=edge_wavelength(remaining),
        wavelength_before=edge_wavelength(original),
        sizes=sizes,
        weights=weights,
        rings=ring_shares(after),
        rings_before=ring_shares(before),
        edges_left=float(after.sum() / max(before.sum(), 1e-12)),
    )


def edge_energy(pixels: Pixels) -> Numbers:
    """Squares of Sobel's responses, summed over colors and both directions, (H, W); pixels count from 0 to 1."""
    values = pixels.astype(np.float64) / 255
    energy = np.zeros(values.shape[:2])
    for color in range(3):
        for axis in (0, 1):
            energy += ndimage.sobel(values[:, :, color], axis=axis, mode="nearest") ** 2
    return energy


def components(energy: Numbers, least: float) -> tuple[Numbers, Numbers]:
    """Extents (K,) and shares of the energy (K,) of the connected parts in which `energy` (H, W) exceeds `least`.

    An extent is the longer side of a part's bounding box over the picture's width.
    """
    labels, _ = ndimage.label(energy > least, structure=np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    counts = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:]
    sums = np.bincount(labels.ravel(), weights=energy.ravel(), minlength=len(boxes) + 1)[1:]
    sides = np.array([max(part.stop - part.start for part in box) for box in boxes], dtype=np.float64)
    kept = counts >= LEAST_PIXELS
    return sides[kept] / energy.shape[1], sums[kept] / max(float(energy.sum()), 1e-12)


def radial_spectrum(pixels: Pixels) -> Numbers:
    """Power of brightness by frequency, (side // 2,): entry k is the sum over all directions at k + 1 cycles a width.

    The picture's middle square, its mean taken away, is faded out towards the edges (Hann), which else look like edges.
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
    """1 / mean frequency of the edges, as a share of the width: power times frequency squared is that of edges."""
    power = radial_spectrum(pixels)
    cycles = np.arange(1, len(power) + 1)
    edges = power * cycles**2
    return float(edges.sum() / max((edges * cycles).sum(), 1e-300))


def ring_edges() -> Numbers:
    """Outer ends of the rings, (RINGS,): distances from the center, 1 at the border. Each has the same area."""
    ends: Numbers = np.sqrt(np.arange(1, RINGS + 1) / RINGS)
    return ends


def ring_shares(energy: Numbers) -> Numbers:
    """Share of `energy` (H, W) in each ring, (RINGS,); a ring is the frame of a square, and all have the same area."""
    height, width = energy.shape
    rows, columns = (np.abs((np.arange(length) + 0.5) / length * 2 - 1) for length in (height, width))
    distance = np.maximum(rows[:, None], columns)
    ring = np.minimum(np.searchsorted(ring_edges(), distance.ravel()), RINGS - 1)
    sums = np.bincount(ring, weights=energy.ravel(), minlength=RINGS)
    shares: Numbers = sums / max(float(sums.sum()), 1e-12)
    return shares
