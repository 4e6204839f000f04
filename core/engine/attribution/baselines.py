"""Baseline pictures without content: a start of integration paths, or a cover in occlusion."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur  # type: ignore[import-untyped]

Baseline = Literal["black", "gray", "blurred"]
BLUR = 0.05
"""Standard deviation of the blur as a share of the shorter side: features vanish, colors remain."""


def baseline(pictures: Tensor, kind: Baseline) -> Tensor:
    """Baselines for pictures (N, 3, H, W) in [0, 1], same shape: black, mid-gray, or the pictures blurred."""
    if kind == "blurred":
        sigma = BLUR * min(pictures.shape[2:])
        return cast(Tensor, gaussian_blur(pictures, 2 * math.ceil(3 * sigma) + 1, sigma))
    return torch.full_like(pictures, 0.0 if kind == "black" else 0.5)
