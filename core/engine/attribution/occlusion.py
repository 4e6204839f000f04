"""Occlusion: how much a value drops when a part of the picture is covered."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

BATCH = 16
"""Covered pictures per forward pass."""


def starts(length: int, window: int, gaps: int) -> list[int]:
    """Evenly spaced starts of windows along an axis, `gaps` + 1 of them, or more where pixels would be left out."""
    last = length - window
    gaps = max(gaps, math.ceil(last / window))
    return [round(last * index / gaps) for index in range(gaps + 1)] if last else [0]


def occlusion(
    value: Callable[[Tensor, int], Tensor],
    pictures: Tensor,
    cover: Tensor,
    windows: list[tuple[int, int, int, int]],
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Tensor:
    """Drop of the value when a pixel is covered, mean over all windows that contain it: (N, H, W).

    `cover` (N, 3, H, W) replaces the picture inside a window; `windows` are top, left, height, width in pixels and
    together contain every pixel. `value(pictures, times)` returns the values of pictures in which each one is repeated
    `times` times in a row; `on_progress` is called with the number of finished and of all forward passes.
    """
    original = value(pictures, 1)  # (N,)
    drops = torch.zeros_like(pictures[:, 0])
    counts = torch.zeros_like(pictures[0, 0])
    for done, start in enumerate(range(0, len(windows), BATCH), start=1):
        batch = windows[start : start + BATCH]
        covered = pictures[:, None].repeat(1, len(batch), 1, 1, 1)  # (N, W, 3, H, W)
        for index, (top, left, height, width) in enumerate(batch):
            region = (..., slice(top, top + height), slice(left, left + width))
            covered[:, index][region] = cover[region]
        batch_drops = original[:, None] - value(covered.flatten(0, 1), len(batch)).view(len(pictures), -1)  # (N, W)
        for drop, (top, left, height, width) in zip(batch_drops.unbind(dim=1), batch, strict=True):
            drops[:, top : top + height, left : left + width] += drop[:, None, None]
            counts[top : top + height, left : left + width] += 1
        on_progress(done, math.ceil(len(windows) / BATCH))
    return drops / counts
