"""Scatter plots of codes in SVG coordinates: one color per class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.items import Embedding, Floats
from core.media.colors import color_among

SIDE, MARGIN = 300, 6
MAX_DOTS = 2000
"""Larger embeddings are thinned out for drawing."""
MAX_LEGEND_CLASSES = 20
"""A legend of more classes would be larger than the chart."""


@dataclass(frozen=True)
class ClassDots:
    """The dots of one class: its name, color, and an SVG path with a line of length 0 at each position."""

    name: str
    color: str
    path: str


@dataclass(frozen=True)
class ScatterChart:
    """A scatter plot as the template draws it, in SVG units."""

    side: ClassVar[int] = SIDE
    alt: str
    classes: tuple[ClassDots, ...]

    @property
    def has_legend(self) -> bool:
        """Whether the classes are named below the chart."""
        return 1 < len(self.classes) <= MAX_LEGEND_CLASSES


def scatter_chart(item: Embedding, alt: str) -> ScatterChart:
    """The first two dimensions of the codes, both axes in the same scale, so that distances compare."""
    indices = np.unique(np.linspace(0, len(item.points) - 1, min(len(item.points), MAX_DOTS)).round().astype(int))
    positions, labels = _positions(item.points[indices]), np.asarray(item.labels)[indices]
    names = list(dict.fromkeys(item.labels))
    return ScatterChart(
        alt,
        tuple(
            ClassDots(name, color_among(index, len(names)), _path(positions[labels == name]))
            for index, name in enumerate(names)
        ),
    )


def _positions(points: Floats) -> Floats:
    """Codes (N, D) -> positions (N, 2) in SVG units, centered on the chart."""
    plane = np.zeros((len(points), 2), np.float32)
    plane[:, : points.shape[1]] = points[:, :2]
    low, high = plane.min(0), plane.max(0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-9)
    positions: Floats = (plane - (low + high) / 2) * np.array([scale, -scale], np.float32) + SIDE / 2
    return positions


def _path(positions: Floats) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in positions.tolist())
