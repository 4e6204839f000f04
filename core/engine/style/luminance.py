"""Luminance and chrominance by NTSC's YIQ; pictures are (N, 3, H, W) in [0, 1].

Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016, arXiv:1606.05897: transfer luminance alone,
keep the photo's colors.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luminance."""


def luminance(pictures: Tensor) -> Tensor:
    """The luminance, (N, 1, H, W)."""
    weights = torch.tensor(LUMINANCE_WEIGHTS, dtype=pictures.dtype, device=pictures.device)
    return torch.einsum("c,nchw->nhw", weights, pictures)[:, None]


def gray(pictures: Tensor) -> Tensor:
    """The pictures in gray, (N, 3, H, W)."""
    return luminance(pictures).expand(-1, 3, -1, -1).contiguous()


def matched(pictures: Tensor, photo: Tensor) -> Tensor:
    """Gray pictures (N, 3, H, W) in [0, 1]: luminance of `pictures` with the mean and standard deviation of `photo`."""
    own, other = luminance(pictures), luminance(photo)
    spread = other.std() / own.std().clamp_min(1e-6)
    return ((own - own.mean()) * spread + other.mean()).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def in_colors_of(pictures: Tensor, photo: Tensor) -> Tensor:
    """Luminance of `pictures` with I and Q of `photo`, (N, 3, H, W), clipped to [0, 1]."""
    return (photo + luminance(pictures) - luminance(photo)).clamp(0, 1)
