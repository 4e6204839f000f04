"""Pictures larger than a network's input, at several sizes and in tiles, so that every network can dream on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]


def octave_sizes(smallest: Size, largest: Size, count: int) -> list[Size]:
    """(height, width) of `count` octaves from `smallest` to `largest`, growing by a constant factor."""
    shares = [index / (count - 1) for index in range(count)] if count > 1 else [1.0]
    return [
        (
            round(smallest[0] * (largest[0] / smallest[0]) ** share),
            round(smallest[1] * (largest[1] / smallest[1]) ** share),
        )
        for share in shares
    ]


def random_windows(picture: Tensor, size: Size, window: Size, generator: torch.Generator) -> Tensor:
    """`picture` (1, C, H, W) at `size`, rolled at random and cut into windows that cover it: (T, C, h, w).

    The roll wraps around the edges, and autograd undoes it, so that no seam stays in one position.
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
    """`picture` (N, C, H, W) with a margin of `margin_px` that mirrors its edges."""
    return functional.pad(picture, (margin_px,) * 4, mode="reflect")


def windows_twice(picture: Tensor, window: Size, shift_px: int) -> Tensor:
    """`windows` of a picture (1, C, H, W), and of the picture shifted by `shift_px` down and right: (2 T, C, h, w).

    The shifted picture is mirrored at the top and left, and cropped at the bottom and right.
    """
    height, width = picture.shape[2:]
    shifted = functional.pad(picture, (shift_px, 0, shift_px, 0), mode="reflect")[:, :, :height, :width]
    return torch.cat([windows(each, window) for each in (picture, shifted)])


class _Windows(torch.autograd.Function):
    """Windows of one picture; their gradients are summed in place, where autograd would allocate a picture for each."""

    @staticmethod
    def forward(context: Any, picture: Tensor, corners: Sequence[Size], window: Size) -> Tensor:
        context.shape, context.corners = picture.shape, corners
        return torch.stack([_cut(picture[0], corner, window) for corner in corners])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        total = gradient.new_zeros(context.shape)
        for part, corner in zip(gradient, context.corners, strict=True):
            _cut(total[0], corner, tuple(part.shape[1:])).add_(part)
        return total, None, None


def _cut(picture: Tensor, corner: Size, window: Size) -> Tensor:
    """The window of (C, H, W) that starts at `corner` (top, left), a view."""
    return picture.narrow(1, corner[0], window[0]).narrow(2, corner[1], window[1])


def starts(length: int, window: int) -> list[int]:
    """Starts of the fewest windows that cover `length`, evenly spaced."""
    count = -(-length // window)
    return [round(index * (length - window) / max(1, count - 1)) for index in range(count)]
