"""Many small pictures as one that can be looked at: enlarged by whole factors, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.engine.ranges import to_bytes
from core.engine.result_items import tiled
from core.items import Floats, Image, Item, Map, Pixels

COLUMNS = 4
SHOWN = COLUMNS**2
"""Pictures of a data set that are shown."""
SHEET_PX = 320
"""Side of a sheet, about; pictures are never shrunk."""


def pixels_of(pictures: Tensor) -> Pixels:
    """Pictures (N, C, S, S) in [0, 1], gray or in color -> (N, S, S, 3) uint8; what lies outside is cut off."""
    pixels: Pixels = to_bytes(pictures.float().expand(-1, 3, -1, -1)).cpu().numpy()
    return pixels


def sheet(pictures: Tensor, columns: int) -> Pixels:
    """Pictures (N, C, S, S) in [0, 1] in rows of so many, about 320 px wide: (H, W, 3)."""
    return _tiles(pixels_of(pictures), columns, 255)


def sheets(pictures: Tensor, columns: int) -> Pixels:
    """The same of each (T, N, C, S, S): (T, H, W, 3)."""
    return np.stack([sheet(frame, columns) for frame in pictures])


def alternating(upper: Tensor, lower: Tensor, columns: int) -> Pixels:
    """Pictures (N, C, S, S) in rows of so many, and right below each of them what belongs to it, of the same shape."""
    return sheet(torch.cat([upper, lower], dim=2), columns)


def value_sheet(values: Tensor, columns: int) -> Floats:
    """A number a pixel, (N, S, S), laid out as the pictures are, 0 between: (H, W) float32."""
    return _tiles(values.float().cpu().numpy()[..., None], columns, 0)[..., 0]


def _tiles(pictures: NDArray[Any], columns: int, between: float) -> NDArray[Any]:
    factor = max(1, round(SHEET_PX / columns / pictures.shape[-2]))
    return tiled(pictures.repeat(factor, axis=-3).repeat(factor, axis=-2), columns, between)


def picture_sheet(pictures: Tensor) -> Image:
    """The first 16 of (N, C, S, S) in [0, 1]."""
    return Image(pixels=sheet(pictures[:SHOWN], COLUMNS))


def compared(originals: Tensor, drawn: Tensor) -> dict[str, Item]:
    """`originals`, `reconstructions` and `errors` of the first 16 of each (N, C, S, S) in [0, 1]."""
    errors = (drawn - originals)[:SHOWN].abs().mean(1)  # (16, S, S)
    return {
        "originals": picture_sheet(originals),
        "reconstructions": picture_sheet(drawn),
        "errors": Map(values=value_sheet(errors, COLUMNS), low=0.0, high=1.0),
    }
