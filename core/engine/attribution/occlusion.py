"""What is lost when a part of the picture is covered."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

AT_ONCE = 16
"""Covered pictures that go through the network together."""


def starts(length: int, window: int, gaps: int) -> list[int]:
    """Where windows begin along an axis: evenly, with so many gaps (more where pixels would be left out otherwise)."""
    last = length - window
    gaps = max(gaps, math.ceil(last / window))
    return [round(last * place / gaps) for place in range(gaps + 1)] if last else [0]


def occlusion(
    value: Callable[[Tensor, int], Tensor],
    pictures: Tensor,
    cover: Tensor,
    windows: list[tuple[int, int, int, int]],
    reached: Callable[[int, int], None] = lambda *_: None,
) -> Tensor:
    """How much the number falls when a pixel is covered, mean of all windows that hold it: (N, H, W).

    `cover` (N, 3, H, W) is what is seen in a window instead; `windows` are top, left, height, width in pixels and hold
    every pixel. `value(covered, times)` gives the numbers of pictures in which each stands `times` times in a row;
    `reached` is called with how many of how many passes through the network are done.
    """
    whole = value(pictures, 1)  # (N,)
    fallen = torch.zeros_like(pictures[:, 0])
    held = torch.zeros_like(pictures[0, 0])
    for done, first in enumerate(range(0, len(windows), AT_ONCE), start=1):
        some = windows[first : first + AT_ONCE]
        covered = pictures[:, None].repeat(1, len(some), 1, 1, 1)  # (N, W, 3, H, W)
        for place, (top, left, height, width) in enumerate(some):
            here = (..., slice(top, top + height), slice(left, left + width))
            covered[:, place][here] = cover[here]
        falls = whole[:, None] - value(covered.flatten(0, 1), len(some)).view(len(pictures), -1)  # (N, W)
        for fall, (top, left, height, width) in zip(falls.unbind(dim=1), some, strict=True):
            fallen[:, top : top + height, left : left + width] += fall[:, None, None]
            held[top : top + height, left : left + width] += 1
        reached(done, math.ceil(len(windows) / AT_ONCE))
    return fallen / held
