"""Pictures that stand for 'nothing is here': what a picture is compared with, or what is put in a part's place."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur  # type: ignore[import-untyped]

Reference = Literal["black", "gray", "blurred"]
BLUR = 0.05
"""Standard deviation as a share of the shorter side: no feature survives it, colors do."""


def reference(pictures: Tensor, kind: Reference) -> Tensor:
    """For pictures (N, 3, H, W) in [0, 1] others of the same shape: black, mid-gray, or themselves blurred."""
    if kind == "blurred":
        sigma = BLUR * min(pictures.shape[2:])
        return cast(Tensor, gaussian_blur(pictures, 2 * math.ceil(3 * sigma) + 1, sigma))
    return torch.full_like(pictures, 0.0 if kind == "black" else 0.5)
