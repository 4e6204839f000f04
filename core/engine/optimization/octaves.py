"""A picture larger than a network's input, seen at several sizes and by parts: so every network can dream of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]


def octave_sizes(least: Size, most: Size, count: int) -> list[Size]:
    """(height, width) of `count` octaves from `least` to `most`, each the same factor larger than the one before."""
    shares = [index / (count - 1) for index in range(count)] if count > 1 else [1.0]
    return [
        (round(least[0] * (most[0] / least[0]) ** share), round(least[1] * (most[1] / least[1]) ** share))
        for share in shares
    ]


def seen(picture: Tensor, size: Size, window: Size, generator: torch.Generator) -> Tensor:
    """`picture` (1, C, H, W) at `size`, shifted at random and cut into windows that cover it: (T, C, h, w).

    The shift goes around the edges and is undone on the gradient's way back, so that no seam stays in one place.
    """
    if tuple(picture.shape[-2:]) != size:
        picture = functional.interpolate(picture, size=size, mode="bilinear", antialias=True, align_corners=False)
    down, right = (int(torch.randint(length, (), generator=generator)) for length in window)
    return windows(picture.roll((down, right), dims=(2, 3)), window)


def windows(picture: Tensor, window: Size) -> Tensor:
    """`picture` (1, C, H, W), at least as large as `window`, cut into windows that cover it evenly: (T, C, h, w)."""
    height, width = picture.shape[2:]
    corners = [(top, left) for top in starts(height, window[0]) for left in starts(width, window[1])]
    return cast(Tensor, _Windows.apply(picture, corners, window))


def mirrored(picture: Tensor, margin_px: int) -> Tensor:
    """`picture` (N, C, H, W) with what lies along its edges mirrored beyond them."""
    return functional.pad(picture, (margin_px,) * 4, mode="reflect")


def windows_twice(picture: Tensor, window: Size, shift_px: int) -> Tensor:
    """`windows` of a picture, and of the same so much further down and to the right: (2 T, C, h, w).

    What comes into view there is mirrored; what goes out of view is seen the first time only.
    """
    height, width = picture.shape[2:]
    shifted = functional.pad(picture, (shift_px, 0, shift_px, 0), mode="reflect")[:, :, :height, :width]
    return torch.cat([windows(each, window) for each in (picture, shifted)])


class _Windows(torch.autograd.Function):
    """Cuts windows out of one picture; their gradients are added up in place, where autograd makes a whole for each."""

    @staticmethod
    def forward(context: Any, picture: Tensor, corners: Sequence[Size], window: Size) -> Tensor:
        context.shape, context.corners = picture.shape, corners
        return torch.stack([_cut(picture[0], corner, window) for corner in corners])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        whole = gradient.new_zeros(context.shape)
        for part, corner in zip(gradient, context.corners, strict=True):
            _cut(whole[0], corner, tuple(part.shape[1:])).add_(part)
        return whole, None, None


def _cut(picture: Tensor, corner: Size, window: Size) -> Tensor:
    """The window of (C, H, W) that begins at `corner`, a view."""
    return picture.narrow(1, corner[0], window[0]).narrow(2, corner[1], window[1])


def starts(length: int, window: int) -> list[int]:
    """Where windows begin that cover `length` evenly, as few as will do."""
    count = -(-length // window)
    return [round(index * (length - window) / max(1, count - 1)) for index in range(count)]
