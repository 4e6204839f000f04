"""What becomes of a gradient before the optimizer takes it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Change = Callable[[Tensor], Tensor]
"""Gradient (N, ...) -> the same shape, picture by picture."""


BLURS = (0.5, 1.0, 2.0)
"""Standard deviations, in pixels."""


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
    return normalized(sum((_blurred(gradient, sigma) for sigma in BLURS), torch.zeros_like(gradient)))


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of `sigma` px along both axes; the edges are mirrored."""
    reach = min(math.ceil(3 * sigma), pictures.shape[2] - 1, pictures.shape[3] - 1)
    places = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-places.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).repeat(pictures.shape[1], 1, 1, 1)
    padded = functional.pad(pictures, (reach, reach, reach, reach), mode="reflect")
    along_x = functional.conv2d(padded, kernel, groups=pictures.shape[1])
    return functional.conv2d(along_x, kernel.mT, groups=pictures.shape[1])
