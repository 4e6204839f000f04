"""Does a map change with the class that is asked for? Two pictures side by side, and where the weight lies."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from core.items import Floats
from core.measures.localization import weights

Side = Literal["left", "right"]


def collage(left: Tensor, right: Tensor) -> Tensor:
    """The middles of two pictures (3, H, W), each half as wide, side by side: (3, H, W)."""
    width = left.shape[2]
    widths = (width // 2, width - width // 2)
    starts = [(width - part) // 2 for part in widths]
    halves = [
        picture[:, :, start : start + part] for picture, start, part in zip((left, right), starts, widths, strict=True)
    ]
    return torch.cat(halves, dim=2)


def share_on(values: Floats, side: Side) -> float:
    """Share of a map's weight (H, W) on this half of the picture."""
    spread, middle = weights(values), values.shape[1] // 2
    half = spread[:, :middle] if side == "left" else spread[:, middle:]
    return float(half.sum())
