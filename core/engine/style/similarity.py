"""How much of a picture's structure is left in another."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.style.edges import sobel
from core.engine.style.luminance import luminance

SIGMA_PX, REACH_PX = 1.5, 5
C1, C2 = 0.01**2, 0.03**2
LEAST = 1e-12


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


def edges_shared(first: Tensor, second: Tensor) -> Tensor:
    """How far pictures (N, 3, H, W) have their edges in the same places and directions: (N,) from 0 to 1.

    Of the gradients g and h of both brightnesses (Sobel), at each place: (mean g.h)^2 / (mean |g|^2 mean |h|^2), the
    means over the windows of `ssim`. That is 1 where one is a multiple of the other: more contrast, less, or reversed
    changes nothing. Places count by how much of either picture's edges they hold, so that an edge that went and one
    that was made up both tell. Pictures that have nothing to do with each other come to about 0.1, and so does one
    without edges to 0.
    """
    one, other = (torch.cat(sobel(luminance(picture)), dim=1) for picture in (first, second))  # (N, 2, h, w)
    own, others = _energy(one, one), _energy(other, other)
    alike = (_energy(one, other).square() / (own * others).clamp_min(LEAST)).clamp(max=1)
    weights = _shares(own) + _shares(others)
    return (weights * alike).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp_min(LEAST)


def _energy(one: Tensor, other: Tensor) -> Tensor:
    """Means over windows of the products of gradients (N, 2, H, W), (N, 1, h, w)."""
    return _blurred((one * other).sum(dim=1, keepdim=True))


def _shares(energy: Tensor) -> Tensor:
    return energy / energy.sum(dim=(1, 2, 3), keepdim=True).clamp_min(LEAST)


def _blurred(values: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 1, H - 10, W - 10)."""
    away = torch.arange(-REACH_PX, REACH_PX + 1, dtype=values.dtype, device=values.device)
    weights = (-(away / SIGMA_PX).square() / 2).exp()
    weights = weights / weights.sum()
    return functional.conv2d(functional.conv2d(values, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
