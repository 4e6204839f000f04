"""From a map's raw values to colors, on a scale that a row of networks can share; colors of lines and of classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from plotly.colors import get_colorscale, sample_colorscale

from core.items import Floats, Map, Pixels

SEQUENTIAL = "inferno"
DIVERGING = "rdbu_r"
DENSEST, STEEPNESS = 0.85, 0.75
"""How much of a map's color covers the picture where the map is highest, and the power by which it grows to there."""
MOST = 0.99
"""Share of a map's pixels that a scale reaches where it does not reach the highest value."""
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue (ITU-R BT.601)."""
COLORS = ("#2563eb", "#d9480f", "#2b8a3e", "#862e9c", "#c2255c", "#0b7285", "#5c940d", "#495057")
"""Of lines, and of classes where they are few."""


def trimmed(item: Map, share: float) -> Map:
    """The ends of the values of `share` of a map's pixels, those nearest to its start, as a map of two pixels.

    A few pixels of a map often have many times the value of all others, which on a scale up to them are all dark.
    Where all but a few have none, the greatest value is the end all the same.
    """
    start = 0.0 if item.signed else item.low
    reached = np.abs(item.values) if item.signed else item.values
    end = float(np.quantile(reached, share, method="higher")) if reached.size else start
    end = end if end > start else float(reached.max(initial=start))
    return replace(item, values=np.array([[-end if item.signed else start, end]], np.float32))


def shared_scale(maps: Iterable[Map], share: float = 1.0) -> tuple[float, float]:
    """The one scale for several maps: their nominal start to their greatest value; signed ones are symmetric.

    Maps without any values above the start share their nominal range. `share`: of the pixels, see `trimmed`.
    """
    maps = [trimmed(item, share) for item in maps]
    if any(item.signed for item in maps):
        reach = max((float(np.abs(item.values).max(initial=0.0)) for item in maps), default=0.0)
        reach = reach or max(max(abs(item.low), abs(item.high)) for item in maps)
        return -reach, reach
    low = min((item.low for item in maps), default=0.0)
    high = max((float(item.values.max(initial=low)) for item in maps), default=1.0)
    return low, high if high > low else max(item.high for item in maps)


def colorize(values: Floats, low: float, high: float, *, signed: bool) -> Pixels:
    """`values` (H, W) -> (H, W, 3) uint8; what lies outside of `low` to `high` gets the end's color."""
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    pixels: Pixels = _table(DIVERGING if signed else SEQUENTIAL)[(share * 255).round().astype(np.uint8)]
    return pixels


def laid_over(picture: Pixels, values: Floats, low: float, high: float, *, signed: bool) -> Pixels:
    """The colors of `values` (H, W) over a gray `picture` (H, W, 3), (H, W, 3) uint8: all color is the map's.

    The higher a value, or the farther from zero where they are `signed`, the denser its color.
    """
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    density = DENSEST * ((np.abs(2 * share - 1) if signed else share) ** STEEPNESS)[..., None]
    gray = (picture @ LUMINANCE)[..., None]
    mixed = density * colorize(values, low, high, signed=signed) + (1 - density) * gray
    pixels: Pixels = mixed.round().astype(np.uint8)
    return pixels


@lru_cache(maxsize=4)
def _table(name: str) -> NDArray[np.uint8]:
    """256 colors (256, 3) of a plotly scale, so that pictures and charts match."""
    shares = [index / 255 for index in range(256)]
    triples = sample_colorscale(get_colorscale(name), shares, colortype="tuple")
    return (np.asarray(triples) * 255).round().astype(np.uint8)


def color_among(index: int, count: int) -> str:
    """The color of one of `count` classes; of many, from all around the circle of hues, every other one darker."""
    if count <= len(COLORS):
        return COLORS[index]
    return f"hsl({360 * index / count:.0f}, 65%, {42 if index % 2 else 58}%)"
