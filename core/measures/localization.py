"""Does a map lie on the object? Against boxes that people drew, in pixels of the map; in pure NumPy.

A map counts by its positive part; one without positive values points nowhere, and weighs all places alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.items import Floats

Numbers = NDArray[np.float64]

TOLERANCE = 15 / 224
"""Of the pointing game, as a share of the shorter side: 15 px in the pictures of Zhang et al. 2018."""
THRESHOLDS = np.linspace(0.05, 0.95, 19)
"""Shares of a map's maximum at which it becomes a box."""
OVERLAPS = (0.3, 0.5, 0.7)


class Box(NamedTuple):
    """First column and row, and the first ones beyond, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """In pixels."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)


@dataclass(frozen=True)
class Localization:
    """How one picture's map lies to the object's box."""

    area: float
    """Share of the picture that the box covers: what a map that knows nothing has inside"""
    inside: float
    """Share of the map's weight in the box"""
    pointing: float
    """1 where the map's maximum lies in the box, else 0; a share where several places are the maximum"""
    pointing_near: float
    """The same, within `TOLERANCE` of the box"""
    overlaps: Numbers
    """(len(THRESHOLDS),) intersection over union of the box with the map's own box at each threshold"""


def localization(values: Floats, box: Box) -> Localization:
    """Measure the map `values` (H, W) against the object's box."""
    spread = weights(values)
    inside = np.zeros(values.shape, np.bool_)
    inside[box.top : box.bottom, box.left : box.right] = True
    near = ndimage.distance_transform_edt(~inside) <= TOLERANCE * min(values.shape)
    peaks = spread == spread.max()
    return Localization(
        area=float(inside.mean()),
        inside=float(spread[inside].sum()),
        pointing=float(inside[peaks].mean()),
        pointing_near=float(near[peaks].mean()),
        overlaps=np.array([overlap(map_box(spread, threshold), box) for threshold in THRESHOLDS]),
    )


def weights(values: Floats) -> Numbers:
    """The positive part of a map (H, W) as shares that sum to 1; all alike where nothing is positive."""
    positive = np.maximum(np.nan_to_num(values.astype(np.float64), posinf=0.0), 0)
    total = float(positive.sum())
    return positive / total if total > 0 else np.full(values.shape, 1 / values.size)


def map_box(values: Numbers | Floats, threshold: float) -> Box:
    """Around the largest connected part of a map (H, W) that reaches this share of its maximum."""
    labels, count = ndimage.label(values >= threshold * values.max())
    largest = 1 + int(np.argmax(np.bincount(labels.ravel(), minlength=count + 1)[1:]))
    rows, columns = ndimage.find_objects(labels)[largest - 1]
    return Box(columns.start, rows.start, columns.stop, rows.stop)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union, 0 to 1."""
    starts, ends = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    common = Box(*starts.tolist(), *ends.tolist()).area
    return common / max(first.area + second.area - common, 1)


def best_box_accuracy(overlaps: Numbers) -> Numbers:
    """MaxBoxAccV2 (Choe et al. 2020, arXiv:2001.07437) of `overlaps` (..., N, len(THRESHOLDS)): (...,).

    Share of the N pictures whose box overlaps enough, at the one threshold that suits all of them best; the mean over
    what counts as enough.
    """
    shares = [(overlaps >= enough).mean(axis=-2).max(axis=-1) for enough in OVERLAPS]
    accuracy: Numbers = np.mean(shares, axis=0)
    return accuracy
