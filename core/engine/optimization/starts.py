"""Start pictures of an optimization. A seed gives the same start on every device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

Start = Literal["photo", "blank", "noise"]

NOISE_STD = 0.1
"""Standard deviation of the noise around mid-gray, in units of the range [0, 1]."""


def photo(original: Tensor, seed: int) -> Tensor:  # noqa: ARG001
    """A copy of the pictures, (N, C, H, W)."""
    return original.detach().clone()


def blank(original: Tensor, seed: int) -> Tensor:  # noqa: ARG001
    """Mid-gray pictures of the shape of `original`."""
    return torch.full_like(original, 0.5)


def noise(original: Tensor, seed: int) -> Tensor:
    """Gaussian noise around mid-gray, clipped to [0, 1]; shape of `original`, the same for every picture of a batch."""
    generator = torch.Generator().manual_seed(seed)
    one = torch.empty(original.shape[1:]).normal_(0.5, NOISE_STD, generator=generator).clamp(0, 1)
    return one.to(original).expand_as(original).clone()


STARTS: Mapping[Start, Callable[[Tensor, int], Tensor]] = {"photo": photo, "blank": blank, "noise": noise}
