"""Colors of maps, on a scale that a row of networks can share, and of lines and classes in charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from plotly.colors import get_colorscale, sample_colorscale

from core.items import Floats, Map, Pixels

SEQUENTIAL = "inferno"
DIVERGING = "rdbu_r"
MAX_OPACITY, OPACITY_EXPONENT = 0.85, 0.75
"""Opacity of an overlay at the end of the scale, and the exponent by which opacity grows towards it."""
SCALE_SHARE = 0.99
"""Share of a map's pixels within a robust color scale; the rest gets the end's color."""
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the luminance (ITU-R BT.601)."""
COLORS = ("#2563eb", "#d9480f", "#2b8a3e", "#862e9c", "#c2255c", "#0b7285", "#5c940d", "#495057")
"""Colors of lines, and of up to 8 classes."""


def trimmed(item: Map, share: float) -> Map:
    """A map of two pixels with the range that covers the lowest `share` of the pixels (by magnitude, if signed).

    On a scale up to a few extreme values, all other pixels would be dark. Where the range would be empty, it extends to
    the greatest value.
    """
    start = 0.0 if item.signed else item.low
    magnitudes = np.abs(item.values) if item.signed else item.values
    end = float(np.quantile(magnitudes, share, method="higher")) if magnitudes.size else start
    end = end if end > start else float(magnitudes.max(initial=start))
    return replace(item, values=np.array([[-end if item.signed else start, end]], np.float32))


def shared_scale(maps: Iterable[Map], share: float = 1.0) -> tuple[float, float]:
    """(low, high) of one scale for several maps: from their nominal start to their greatest value; symmetric if signed.

    Maps without values above the start share their nominal range. `share`: share of the pixels, see `trimmed`.
    """
    maps = [trimmed(item, share) for item in maps]
    if any(item.signed for item in maps):
        reach = max((float(np.abs(item.values).max(initial=0.0)) for item in maps), default=0.0)
        reach = reach or max(max(abs(item.low), abs(item.high)) for item in maps)
        return -reach, reach
    low = min((item.low for item in maps), default=0.0)
    high = max((float(item.values.max(initial=low)) for item in maps), default=1.0)
    return low, high if high > low else max(item.high for item in maps)


def scale_to_show(maps: Sequence[Map], share: float = 1.0) -> tuple[float, float] | None:
    """`shared_scale`; None where no map has a value beyond the start of its scale, which then has no end."""
    ends = (np.abs(item.values) if item.signed else item.values - item.low for item in maps)
    return shared_scale(maps, share) if any(values.max(initial=0.0) > 0 for values in ends) else None


def colorize(values: Floats, low: float, high: float, *, signed: bool) -> Pixels:
    """The colors (H, W, 3) uint8 of `values` (H, W); values outside `low` to `high` get the end's color."""
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    pixels: Pixels = _table(DIVERGING if signed else SEQUENTIAL)[(share * 255).round().astype(np.uint8)]
    return pixels


def laid_over(picture: Pixels, values: Floats, low: float, high: float, *, signed: bool) -> Pixels:
    """The colors of `values` (H, W) over `picture` (H, W, 3) in gray, as (H, W, 3) uint8.

    The higher a value (the farther from zero, if `signed`), the more opaque its color.
    """
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    density = MAX_OPACITY * ((np.abs(2 * share - 1) if signed else share) ** OPACITY_EXPONENT)[..., None]
    gray = (picture @ LUMINANCE)[..., None]
    mixed = density * colorize(values, low, high, signed=signed) + (1 - density) * gray
    pixels: Pixels = mixed.round().astype(np.uint8)
    return pixels


@lru_cache(maxsize=4)
def _table(name: str) -> NDArray[np.uint8]:
    """256 colors (256, 3) uint8 of a plotly scale, so that maps and charts match."""
    shares = [index / 255 for index in range(256)]
    triples = sample_colorscale(get_colorscale(name), shares, colortype="tuple")
    return (np.asarray(triples) * 255).round().astype(np.uint8)


def color_among(index: int, count: int) -> str:
    """CSS color of class `index` of `count`; beyond 8 classes from the circle of hues, every other one darker."""
    if count <= len(COLORS):
        return COLORS[index]
    return f"hsl({360 * index / count:.0f}, 65%, {42 if index % 2 else 58}%)"
