"""Pictures in [0, 1]: brought into the range, resized, and converted from and to pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from core.items import Pixels

Range = Callable[[Tensor], Tensor]
"""Pictures (N, C, H, W) -> the same in [0, 1]."""

CONSTANT_RANGE = 1e-6
"""A picture whose values differ by less counts as constant: rescaling it would amplify rounding errors."""


def clamp(picture: Tensor) -> Tensor:
    """Pictures with values outside [0, 1] clipped, same shape."""
    return picture.clamp(0, 1)


def rescale(picture: Tensor) -> Tensor:
    """Each picture (N, C, H, W) rescaled so that its minimum is 0 and its maximum 1; a constant one is clamped."""
    low = picture.amin(dim=(1, 2, 3), keepdim=True)
    spread = picture.amax(dim=(1, 2, 3), keepdim=True) - low
    return ((picture - low) / spread.clamp_min(CONSTANT_RANGE)).where(spread > CONSTANT_RANGE, picture.clamp(0, 1))


def resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures (N, C, H, W) in [0, 1] resized to (height, width) with antialiasing; differentiable."""
    if tuple(picture.shape[-2:]) == size:
        return picture
    return functional.interpolate(picture, size=size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def from_pixels(pixels: Pixels) -> Tensor:
    """(H, W, 3) uint8 -> one picture (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(pixels).movedim(2, 0)[None].float().contiguous() / 255


def as_stored(picture: Tensor) -> Tensor:
    """Pictures (..., H, W) as their stored file gives them back: clipped to [0, 1], rounded to multiples of 1/255.

    Every number about a picture that is stored is measured on these values. Same shape, detached.
    """
    return picture.detach().clamp(0, 1).mul_(255).round_().div_(255)


def to_bytes(picture: Tensor) -> Tensor:
    """(..., C, H, W) in [0, 1] -> (..., H, W, C) uint8 on the same device, without synchronizing with it."""
    return picture.detach().clamp(0, 1).mul_(255).round_().byte().movedim(-3, -1)


def to_pixels(picture: Tensor) -> Pixels:
    """One picture (1, 3, H, W) or (3, H, W) in [0, 1] -> (H, W, 3) uint8."""
    pixels: Pixels = to_bytes(picture.reshape(picture.shape[-3:])).cpu().contiguous().numpy()
    return pixels
