"""What becomes of a gradient before the optimizer takes it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Change = Callable[[Tensor], Tensor]
"""Gradient (N, ...) -> the same shape, picture by picture."""


BLURS = ((1, 6.0), (1, 2.0), (2, 2.0))
"""Distance in pixels and weight of the middle of three filters (1, weight, 1), each taken after the one before.

Together they blur with standard deviations of 0.5, 0.87 and 1.66 px.
"""


def unchanged(gradient: Tensor) -> Tensor:
    """The gradient itself: a step is as long as the slope is steep."""
    return gradient


def normalized(gradient: Tensor) -> Tensor:
    """Each picture's gradient brought to a root mean square of 1: a step is as long in every network and layer."""
    rms = gradient.square().mean(dim=tuple(range(1, gradient.ndim)), keepdim=True).sqrt()
    return gradient / rms.clamp_min(1e-20)


def smoothed(gradient: Tensor) -> Tensor:
    """A picture's gradient (N, C, H, W) blurred a little, more and much, added up, then as in `normalized`.

    Single pixels, which networks answer to but nobody sees, then no longer outweigh larger structure.
    """
    reach = sum(distance for distance, _ in BLURS)
    padded = functional.pad(gradient, (reach,) * 4, mode="replicate")
    summed, gain = torch.zeros_like(padded), 1.0
    for distance, middle in reversed(BLURS):  # F(g) + G(F(g)) = F(g + G(g)): every sum is taken on the way
        margin = (padded.shape[2] - summed.shape[2]) // 2
        height, width = summed.shape[2:]
        summed.add_(padded[..., margin : margin + height, margin : margin + width], alpha=gain)
        summed = _filtered(_filtered(summed, 2, distance, middle), 3, distance, middle)
        gain *= (2 + middle) ** 2
    return normalized(summed)


def _filtered(values: Tensor, axis: int, distance: int, middle: float) -> Tensor:
    """Each value times `middle` plus its two neighbors along `axis`: on a CPU far faster than a convolution by color.

    Shorter by `distance` at both ends.
    """
    inner = values.shape[axis] - 2 * distance
    sides = values.narrow(axis, 0, inner) + values.narrow(axis, 2 * distance, inner)
    return sides.add_(values.narrow(axis, distance, inner), alpha=middle)
