"""Codes in the plane as dots, a color a class, in the numbers that an SVG needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.items import Embedding, Floats
from core.media.colors import color_among

SIDE, MARGIN = 300, 6
MOST_DOTS = 2000
"""More than this are thinned out for drawing."""
NAMED_CLASSES = 20
"""Of more, a list of names would be larger than the chart."""


@dataclass(frozen=True)
class ClassOfDots:
    """The codes of a class: its name, color, and an SVG path with a line of no length at each place."""

    name: str
    color: str
    path: str


@dataclass(frozen=True)
class ScatterChart:
    """What the template draws, in SVG units."""

    side: ClassVar[int] = SIDE
    alt: str
    classes: tuple[ClassOfDots, ...]

    @property
    def named(self) -> bool:
        """Whether the names of the classes stand below."""
        return 1 < len(self.classes) <= NAMED_CLASSES


def scatter_chart(item: Embedding, alt: str) -> ScatterChart:
    """The first two dimensions of the codes; a unit is as long across as upwards, since distances count."""
    chosen = np.unique(np.linspace(0, len(item.points) - 1, min(len(item.points), MOST_DOTS)).round().astype(int))
    places, labels = _placed(item.points[chosen]), np.asarray(item.labels)[chosen]
    names = list(dict.fromkeys(item.labels))
    return ScatterChart(
        alt,
        tuple(
            ClassOfDots(name, color_among(index, len(names)), _path(places[labels == name]))
            for index, name in enumerate(names)
        ),
    )


def _placed(points: Floats) -> Floats:
    """Codes (N, D) -> places (N, 2) on the chart, in its middle."""
    plane = np.zeros((len(points), 2), np.float32)
    plane[:, : points.shape[1]] = points[:, :2]
    low, high = plane.min(0), plane.max(0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-9)
    placed: Floats = (plane - (low + high) / 2) * np.array([scale, -scale], np.float32) + SIDE / 2
    return placed


def _path(places: Floats) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places.tolist())
