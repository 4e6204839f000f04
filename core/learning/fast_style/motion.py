"""What moved where between two frames, so that what was painted can move along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from skimage.registration import optical_flow_ilk
from torch import Tensor
from torch.nn import functional

from core.engine.ranges import resized
from core.engine.style.luminance import luminance

FLOW_PX = 160
"""Longer side at which motion is looked for: it is smooth, and the search takes as long as pixels are many."""
RADIUS_PX, WARPS = 5, 5
LEAST_PX = 0.25
"""Motion below it is none: moving a picture along it would only blur it."""
LIKE = 0.05
"""A difference at which a place counts for exp(-1): a pixel's range is 1."""
NEIGHBORS = 5


@dataclass(frozen=True)
class Motion:
    """From one frame to the next."""

    grid: Tensor | None
    """(1, H, W, 2): where each pixel was before, as `grid_sample` takes it; None where nothing moves"""
    trust: Tensor
    """(1, 1, H, W) in [0, 1]: how well that explains the frame; 0 where it was hidden or outside before"""

    def moved(self, before: Tensor) -> Tensor:
        """A picture (1, C, H, W) of the time before, moved to where things are now."""
        if self.grid is None:
            return before
        return functional.grid_sample(before, self.grid, padding_mode="border", align_corners=True)


def motion(before: Tensor, now: Tensor) -> Motion:
    """Between two frames (1, 3, H, W) in [0, 1], by iterative Lucas-Kanade (Le Besnerais and Champagnat 2005)."""
    height, width = now.shape[2:]
    flow = None if torch.equal(before, now) else _flow(before, now)  # (1, 2, H, W) right, down in pixels
    if flow is None or not flow.any():
        return Motion(None, _trust(before, now))
    down, right = torch.meshgrid(
        torch.arange(height, device=now.device), torch.arange(width, device=now.device), indexing="ij"
    )
    x, y = right + flow[:, 0], down + flow[:, 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    inside = (grid.abs() <= 1).all(dim=-1)[:, None]
    return Motion(grid, inside * _trust(Motion(grid, inside).moved(before), now))


def _trust(expected: Tensor, now: Tensor) -> Tensor:
    """How like two pictures (1, 3, H, W) are around each place, (1, 1, H, W) in [0, 1]."""
    away = (expected - now).abs().mean(dim=1, keepdim=True)
    around = functional.avg_pool2d(away, NEIGHBORS, 1, NEIGHBORS // 2, count_include_pad=False)
    return (-(around / LIKE).square()).exp()


def _flow(before: Tensor, now: Tensor) -> Tensor:
    """Where each pixel was before, relative to where it is now: (1, 2, H, W) right, down in pixels."""
    height, width = now.shape[2:]
    times = min(1.0, FLOW_PX / max(height, width))
    size = max(8, round(height * times)), max(8, round(width * times))
    small = [luminance(resized(frame, size))[0, 0].cpu().numpy() for frame in (now, before)]
    down, right = optical_flow_ilk(  # type: ignore[no-untyped-call]  # scikit-image has not typed it
        *small, radius=RADIUS_PX, num_warp=WARPS, dtype=np.float32
    )
    found: Tensor = torch.from_numpy(np.stack([right * width / size[1], down * height / size[0]]))[None].to(now)
    found = functional.interpolate(found, size=(height, width), mode="bilinear", align_corners=False)
    enough = torch.linalg.vector_norm(found, dim=1, keepdim=True) >= LEAST_PX
    return torch.where(enough, found, 0.0)
