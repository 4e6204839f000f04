"""Localization of maps: agreement with annotated boxes of objects, in pixels of the map; NumPy only.

The positive part of a map counts. In a constant map, as in one without positive values, all pixels are tied: its
measures are those that a random order of the pixels is expected to have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import ComputationFailed
from core.items import ROUNDING, Floats

Numbers = NDArray[np.float64]

TOLERANCE = 15 / 224
"""Tolerance of the pointing game as a share of the shorter side: 15 px at 224 px, as in Zhang et al. 2018."""
THRESHOLDS = np.linspace(0.05, 0.95, 19)
"""Thresholds of a map's box, as shares of its maximum."""
OVERLAPS = (0.3, 0.5, 0.7)


class Box(NamedTuple):
    """First column and row, and the first column and row beyond, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Area in pixels."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)


@dataclass(frozen=True)
class Localization:
    """Measures of one map against the object's box."""

    area: float
    """Share of the picture that the box covers, which is `inside` of a uniform map."""
    inside: float
    """Share of the map's weight inside the box (energy-based pointing game)."""
    pointing: float
    """1 where the map's maximum lies in the box, else 0; a share where several pixels are maximal."""
    pointing_near: float
    """`pointing` with `TOLERANCE` around the box."""
    overlaps: Numbers
    """Intersection over union of the box with the map's own box at each threshold, (len(THRESHOLDS),)."""


def localization(values: Floats, box: Box) -> Localization:
    """Measures of the map `values` (H, W) against the object's box."""
    normalized = weights(values)
    inside = np.zeros(values.shape, np.bool_)
    inside[box.top : box.bottom, box.left : box.right] = True
    near = ndimage.distance_transform_edt(~inside) <= TOLERANCE * min(values.shape)
    maxima = normalized == normalized.max()
    return Localization(
        area=float(inside.mean()),
        inside=float(normalized[inside].sum()),
        pointing=float(inside[maxima].mean()),
        pointing_near=float(near[maxima].mean()),
        overlaps=np.array([overlap(map_box(normalized, threshold), box) for threshold in THRESHOLDS]),
    )


def weights(values: Floats) -> Numbers:
    """The positive part of a map (H, W), normalized to a sum of 1; uniform where nothing is positive.

    Differences of rounding alone count as none. Raises ComputationFailed where the map is not finite.
    """
    if not np.isfinite(values).all():
        raise ComputationFailed("the map is not finite: it cannot be measured")
    positive = np.maximum(values.astype(np.float64), 0)
    if np.ptp(positive) <= ROUNDING * positive.max():
        return np.full(values.shape, 1 / values.size)
    normalized: Numbers = positive / positive.sum()
    return normalized


def is_constant(values: Floats) -> bool:
    """Whether the positive part of a map (H, W) is constant, so that its pixels have no order."""
    return bool(np.ptp(weights(values)) == 0)


def map_box(values: Numbers | Floats, threshold: float) -> Box:
    """Bounding box of the largest connected part of a map (H, W) that reaches `threshold` times its maximum."""
    labels, count = ndimage.label(values >= threshold * values.max())
    largest = 1 + int(np.argmax(np.bincount(labels.ravel(), minlength=count + 1)[1:]))
    rows, columns = ndimage.find_objects(labels)[largest - 1]
    return Box(columns.start, rows.start, columns.stop, rows.stop)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    upper_left, lower_right = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    intersection = Box(*upper_left.tolist(), *lower_right.tolist()).area
    return intersection / max(first.area + second.area - intersection, 1)


def best_box_accuracy(overlaps: Numbers) -> Numbers:
    """MaxBoxAccV2 (Choe et al. 2020, arXiv:2001.07437) of `overlaps` (..., N, len(THRESHOLDS)): (...,).

    Share of the N pictures with sufficient overlap, at the best common threshold of maps, averaged over `OVERLAPS`.
    """
    shares = [(overlaps >= minimum).mean(axis=-2).max(axis=-1) for minimum in OVERLAPS]
    accuracy: Numbers = np.mean(shares, axis=0)
    return accuracy
