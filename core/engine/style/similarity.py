"""Structural similarity of two pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.style.edges import sobel
from core.engine.style.luminance import luminance

SIGMA_PX, RADIUS_PX = 1.5, 5
C1, C2 = 0.01**2, 0.03**2
EPSILON = 1e-12


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity (SSIM) of the luminance of pictures (N, 3, H, W) in [0, 1]: (N,), 1 where equal.

    Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian windows of 11 x 11 px with a standard deviation of 1.5 px, all inside
    the picture, whose sides must be at least 11 px.
    """
    gray_first, gray_second = luminance(first), luminance(second)
    mean_first, mean_second = _blurred(gray_first), _blurred(gray_second)
    variance_first = _blurred(gray_first.square()) - mean_first.square()
    variance_second = _blurred(gray_second.square()) - mean_second.square()
    covariance = _blurred(gray_first * gray_second) - mean_first * mean_second
    agreement = (2 * mean_first * mean_second + C1) * (2 * covariance + C2)
    normalizer = (mean_first.square() + mean_second.square() + C1) * (variance_first + variance_second + C2)
    return (agreement / normalizer).mean(dim=(1, 2, 3))


def edges_shared(first: Tensor, second: Tensor) -> Tensor:
    """How far pictures (N, 3, H, W) share positions and directions of their edges: (N,) from 0 to 1.

    For the Sobel gradients g and h of both luminances: (mean g.h)^2 / (mean |g|^2 mean |h|^2) at each position, with
    means over the windows of `ssim`. It is 1 where one gradient is a multiple of the other: contrast, even reversed,
    does not matter. Positions are weighted by their share of either picture's edge energy, so that a lost edge and an
    invented one both lower the value. Unrelated pictures reach about 0.1; a picture without edges has 0.
    """
    gradients = [torch.cat(sobel(luminance(picture)), dim=1) for picture in (first, second)]  # (N, 2, h, w)
    energy_first, energy_second = (_energy(gradient, gradient) for gradient in gradients)
    agreement = (_energy(*gradients).square() / (energy_first * energy_second).clamp_min(EPSILON)).clamp(max=1)
    weights = _normalized(energy_first) + _normalized(energy_second)
    return (weights * agreement).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp_min(EPSILON)


def has_edges(picture: Tensor) -> bool:
    """Whether a picture (1, 3, H, W) has any edge: without one, nothing can share its edges."""
    gradient = torch.cat(sobel(luminance(picture)), dim=1)
    return bool(gradient.square().max() > EPSILON)


def is_plain(picture: Tensor) -> bool:
    """Whether a picture (1, 3, H, W) in [0, 1] is of one color: less than a step of 8 bits from darkest to lightest.

    A network's maps of it may vary still, near edges, by the padding of convolutions.
    """
    return bool((picture.amax(dim=(2, 3)) - picture.amin(dim=(2, 3))).max() < 1 / 255)


def _energy(first: Tensor, second: Tensor) -> Tensor:
    """Means over windows of the scalar products of gradients (N, 2, H, W): (N, 1, h, w)."""
    return _blurred((first * second).sum(dim=1, keepdim=True))


def _normalized(energy: Tensor) -> Tensor:
    return energy / energy.sum(dim=(1, 2, 3), keepdim=True).clamp_min(EPSILON)


def _blurred(values: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 1, H - 10, W - 10)."""
    offsets = torch.arange(-RADIUS_PX, RADIUS_PX + 1, dtype=values.dtype, device=values.device)
    weights = (-(offsets / SIGMA_PX).square() / 2).exp()
    weights = weights / weights.sum()
    return functional.conv2d(functional.conv2d(values, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
