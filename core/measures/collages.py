"""Class sensitivity of maps: the share of a map's weight on the target's half of two pictures side by side."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from core.items import Floats
from core.measures.localization import weights

Side = Literal["left", "right"]


def collage(left: Tensor, right: Tensor) -> Tensor:
    """The central halves of two pictures (3, H, W) side by side: (3, H, W)."""
    width = left.shape[2]
    widths = (width // 2, width - width // 2)
    starts = [(width - part_width) // 2 for part_width in widths]
    halves = [
        picture[:, :, start : start + part_width]
        for picture, start, part_width in zip((left, right), starts, widths, strict=True)
    ]
    return torch.cat(halves, dim=2)


def share_on(values: Floats, side: Side) -> float:
    """Share of the weight of a map (H, W) on one half of the picture, 0 to 1; half for a constant map."""
    normalized, middle = weights(values), values.shape[1] // 2
    half = normalized[:, :middle] if side == "left" else normalized[:, middle:]
    return float(half.sum())
