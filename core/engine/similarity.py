"""How much of a picture's structure is left in another."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.luminance import luminance

SIGMA_PX, REACH_PX = 1.5, 5
C1, C2 = 0.01**2, 0.03**2


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of the brightness of pictures (N, 3, H, W) in [0, 1]: (N,), 1 where equal.

    Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian windows of 11 x 11 pixels with a standard deviation of 1.5, and no
    window that reaches beyond the picture, whose sides must be 11 px at least.
    """
    one, other = luminance(first), luminance(second)
    mean_one, mean_other = _blurred(one), _blurred(other)
    spread_one = _blurred(one * one) - mean_one.square()
    spread_other = _blurred(other * other) - mean_other.square()
    common = _blurred(one * other) - mean_one * mean_other
    alike = (2 * mean_one * mean_other + C1) * (2 * common + C2)
    within = (mean_one.square() + mean_other.square() + C1) * (spread_one + spread_other + C2)
    return (alike / within).mean(dim=(1, 2, 3))


def _blurred(values: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 1, H - 10, W - 10)."""
    away = torch.arange(-REACH_PX, REACH_PX + 1, dtype=values.dtype, device=values.device)
    weights = (-(away / SIGMA_PX).square() / 2).exp()
    weights = weights / weights.sum()
    return functional.conv2d(functional.conv2d(values, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
