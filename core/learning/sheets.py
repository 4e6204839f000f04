"""Sheets: many small pictures in a grid, enlarged by integer factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.engine.ranges import as_stored, to_bytes
from core.engine.result_items import tiled
from core.items import Floats, Image, Item, Map, Pixels

COLUMNS = 4
SHEET_PICTURES = COLUMNS**2
"""Pictures in a sheet."""
SHEET_PX = 320
"""Approximate width of a sheet; pictures are never shrunk."""


def pixels_of(pictures: Tensor) -> Pixels:
    """Pictures (N, C, S, S) in [0, 1], gray or in color, clipped -> (N, S, S, 3) uint8."""
    pixels: Pixels = to_bytes(pictures.float().expand(-1, 3, -1, -1)).cpu().numpy()
    return pixels


def sheet(pictures: Tensor, columns: int) -> Pixels:
    """Pictures (N, C, S, S) in [0, 1] in a grid of `columns`, about 320 px wide: (H, W, 3) uint8."""
    return _tiles(pixels_of(pictures), columns, 255)


def sheets(pictures: Tensor, columns: int) -> Pixels:
    """A sheet of each frame of (T, N, C, S, S) in [0, 1]: (T, H, W, 3) uint8."""
    return np.stack([sheet(frame, columns) for frame in pictures])


def paired_sheet(upper: Tensor, lower: Tensor, columns: int) -> Pixels:
    """A sheet of `upper` pictures (N, C, S, S) with the matching one of `lower` below each: (H, W, 3) uint8."""
    return sheet(torch.cat([upper, lower], dim=2), columns)


def value_sheet(values: Tensor, columns: int) -> Floats:
    """Maps (N, S, S) in the layout of a sheet, 0 in the gaps: (H, W) float32."""
    return _tiles(values.float().cpu().numpy()[..., None], columns, 0)[..., 0]


def _tiles(pictures: NDArray[Any], columns: int, fill: float) -> NDArray[Any]:
    factor = max(1, round(SHEET_PX / columns / pictures.shape[-2]))
    return tiled(pictures.repeat(factor, axis=-3).repeat(factor, axis=-2), columns, fill)


def picture_sheet(pictures: Tensor) -> Image:
    """A sheet of the first 16 pictures of (N, C, S, S) in [0, 1]."""
    return Image(pixels=sheet(pictures[:SHEET_PICTURES], COLUMNS))


def reconstruction_items(originals: Tensor, reconstructions: Tensor) -> dict[str, Item]:
    """Items `originals`, `reconstructions` and `errors` of the first 16 pictures of each (N, C, S, S) in [0, 1]."""
    errors = (as_stored(reconstructions) - originals)[:SHEET_PICTURES].abs().mean(1)  # (16, S, S)
    return {
        "originals": picture_sheet(originals),
        "reconstructions": picture_sheet(reconstructions),
        "errors": Map(values=value_sheet(errors, COLUMNS), low=0.0, high=1.0),
    }
