"""Brightness apart from color, after NTSC's YIQ; pictures are (N, 3, H, W) in [0, 1].

Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016, arXiv:1606.05897: transfer brightness alone,
keep the photo's colors.
"""

from __future__ import annotations

import torch
from torch import Tensor

OF_COLORS = (0.299, 0.587, 0.114)
"""What red, green and blue give to the brightness."""


def luminance(pictures: Tensor) -> Tensor:
    """The brightness, (N, 1, H, W)."""
    shares = torch.tensor(OF_COLORS, dtype=pictures.dtype, device=pictures.device)
    return torch.einsum("c,nchw->nhw", shares, pictures)[:, None]


def gray(pictures: Tensor) -> Tensor:
    """The same without color, (N, 3, H, W)."""
    return luminance(pictures).expand(-1, 3, -1, -1).contiguous()


def matched(pictures: Tensor, photo: Tensor) -> Tensor:
    """Gray pictures of the brightness of `pictures`, its mean and spread brought to those of `photo`."""
    own, other = luminance(pictures), luminance(photo)
    spread = other.std() / own.std().clamp_min(1e-6)
    return ((own - own.mean()) * spread + other.mean()).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def in_colors_of(pictures: Tensor, photo: Tensor) -> Tensor:
    """The brightness of `pictures` in the colors of `photo`: I and Q are left alone, what leaves [0, 1] is cut off."""
    return (photo + luminance(pictures) - luminance(photo)).clamp(0, 1)
