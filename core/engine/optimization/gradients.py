"""Transforms of a gradient before the optimizer's step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

GradientTransform = Callable[[Tensor], Tensor]
"""Gradient (N, ...) -> same shape, each picture independently."""


BLURS = ((1, 6.0), (1, 2.0), (2, 2.0))
"""Tap distance in pixels and center weight of three filters (1, weight, 1), applied one after the other.

Together they blur with standard deviations of 0.5, 0.87 and 1.66 px.
"""


def identity(gradient: Tensor) -> Tensor:
    """The gradient itself, same shape."""
    return gradient


def normalized(gradient: Tensor) -> Tensor:
    """Each picture's gradient (N, ...) scaled to a root mean square of 1, for steps of equal length in all networks."""
    rms = gradient.square().mean(dim=tuple(range(1, gradient.ndim)), keepdim=True).sqrt()
    return gradient / rms.clamp_min(1e-20)


def smoothed(gradient: Tensor) -> Tensor:
    """Sum of three blurs of each gradient (N, C, H, W), then `normalized`; same shape.

    High frequencies, which networks respond to but nobody sees, then no longer outweigh larger structure.
    """
    margin_px = sum(distance for distance, _ in BLURS)
    padded = functional.pad(gradient, (margin_px,) * 4, mode="replicate")
    summed, gain = torch.zeros_like(padded), 1.0
    for distance, center in reversed(BLURS):  # F(g) + G(F(g)) = F(g + G(g)): sums are accumulated between the filters
        margin = (padded.shape[2] - summed.shape[2]) // 2
        height, width = summed.shape[2:]
        summed.add_(padded[..., margin : margin + height, margin : margin + width], alpha=gain)
        summed = _filtered(_filtered(summed, 2, distance, center), 3, distance, center)
        gain *= (2 + center) ** 2
    return normalized(summed)


def _filtered(values: Tensor, axis: int, distance: int, center: float) -> Tensor:
    """The filter (1, `center`, 1) along `axis`, shorter by `distance` at both ends; on a CPU far faster than conv2d."""
    inner = values.shape[axis] - 2 * distance
    sides = values.narrow(axis, 0, inner) + values.narrow(axis, 2 * distance, inner)
    return sides.add_(values.narrow(axis, distance, inner), alpha=center)
