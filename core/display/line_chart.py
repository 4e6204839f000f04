"""Line charts in SVG coordinates: one chart for all curves of the same axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.display.wording import words
from core.items import Floats, Series
from core.media.colors import COLORS

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 36
MAX_POINTS = 400
"""Longer curves are thinned out for drawing."""


@dataclass(frozen=True)
class Line:
    """A curve: its name, color, and SVG path."""

    name: str
    color: str
    path: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position in SVG units, and its number."""

    at: float
    text: str


@dataclass(frozen=True)
class LineChart:
    """A chart as the template draws it, in SVG units."""

    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = HEIGHT
    left: ClassVar[int] = LEFT
    right: ClassVar[int] = WIDTH - RIGHT
    bottom: ClassVar[int] = HEIGHT - BOTTOM
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def line_charts(series: Mapping[str, Series]) -> list[LineChart]:
    """One chart for all series of the same axis labels, in order of first occurrence."""
    groups: dict[tuple[str, str], dict[str, Series]] = {}
    for name, item in series.items():
        groups.setdefault((item.x_label, item.y_label), {})[name] = item
    return [_chart(labels, group) for labels, group in groups.items()]


def _chart(labels: tuple[str, str], group: Mapping[str, Series]) -> LineChart:
    xs = _span(np.concatenate([item.x for item in group.values()]))
    ys = _span(np.concatenate([item.y for item in group.values()]))
    lines = tuple(
        Line(words(name), COLORS[index % len(COLORS)], _path(item, xs, ys))
        for index, (name, item) in enumerate(group.items())
    )
    x_ticks = tuple(Tick(_x(value, xs), f"{value:g}") for value in _round_values(*xs))
    y_ticks = tuple(Tick(_y(value, ys), f"{value:g}") for value in _round_values(*ys))
    return LineChart(*labels, lines, x_ticks, y_ticks)


def _span(values: Floats) -> tuple[float, float]:
    """(low, high) of the finite values, never equal; (0, 1) without any."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = 0.0 if high > low else abs(high) * 0.1 or 0.5
    return low - margin, high + margin


def _x(value: float, span: tuple[float, float]) -> float:
    return round(LEFT + (value - span[0]) / (span[1] - span[0]) * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float, span: tuple[float, float]) -> float:
    return round(HEIGHT - BOTTOM - (value - span[0]) / (span[1] - span[0]) * (HEIGHT - TOP - BOTTOM), 1)


def _path(item: Series, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    """The SVG path of the curve, with a gap where a value is not finite."""
    indices = np.unique(np.linspace(0, len(item.x) - 1, min(len(item.x), MAX_POINTS)).round().astype(int))
    steps, gap = [], True
    for x, y in zip(item.x[indices].tolist(), item.y[indices].tolist(), strict=True):
        if math.isfinite(x) and math.isfinite(y):
            steps.append(f"{'M' if gap else 'L'}{_x(x, xs)},{_y(y, ys)}")
        gap = not (math.isfinite(x) and math.isfinite(y))
    return " ".join(steps)


def _round_values(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]
