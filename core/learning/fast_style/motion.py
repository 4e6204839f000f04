"""Motion between two frames, by optical flow, and warping along it."""

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
"""Longer side at which flow is estimated: flow is smooth, and time is proportional to the number of pixels."""
RADIUS_PX, WARPS = 5, 5
MIN_MOTION_PX = 0.25
"""Smaller motion counts as none: warping along it would only blur."""
TOLERANCE = 0.05
"""Difference at which the trust is exp(-1), relative to a range of 1."""
WINDOW_PX = 5


@dataclass(frozen=True)
class Motion:
    """Motion from one frame to the next."""

    grid: Tensor | None
    """Previous position of each pixel, (1, H, W, 2) for `grid_sample`; None where nothing moves."""
    trust: Tensor
    """How well the motion explains each pixel, (1, 1, H, W) in [0, 1]; 0 where it was occluded or outside."""

    def warped(self, before: Tensor) -> Tensor:
        """The picture `before` (1, C, H, W), warped to the current frame; same shape."""
        if self.grid is None:
            return before
        return functional.grid_sample(before, self.grid, padding_mode="border", align_corners=True)


def motion(before: Tensor, now: Tensor) -> Motion:
    """Motion between frames (1, 3, H, W) in [0, 1], by iterative Lucas-Kanade (Le Besnerais and Champagnat 2005)."""
    height, width = now.shape[2:]
    flow = None if torch.equal(before, now) else _flow(before, now)  # (1, 2, H, W) x, y in pixels
    if flow is None or not flow.any():
        return Motion(None, _trust(before, now))
    down, right = torch.meshgrid(
        torch.arange(height, device=now.device), torch.arange(width, device=now.device), indexing="ij"
    )
    x, y = right + flow[:, 0], down + flow[:, 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    inside = (grid.abs() <= 1).all(dim=-1)[:, None]
    return Motion(grid, inside * _trust(Motion(grid, inside).warped(before), now))


def _trust(expected: Tensor, now: Tensor) -> Tensor:
    """Similarity of two pictures (1, 3, H, W) around each pixel, (1, 1, H, W) in [0, 1]."""
    difference = (expected - now).abs().mean(dim=1, keepdim=True)
    local_difference = functional.avg_pool2d(difference, WINDOW_PX, 1, WINDOW_PX // 2, count_include_pad=False)
    return (-(local_difference / TOLERANCE).square()).exp()


def _flow(before: Tensor, now: Tensor) -> Tensor:
    """Offset of each pixel's previous position: (1, 2, H, W) x, y in pixels."""
    height, width = now.shape[2:]
    scale = min(1.0, FLOW_PX / max(height, width))
    size = max(8, round(height * scale)), max(8, round(width * scale))
    small = [luminance(resized(frame, size))[0, 0].cpu().numpy() for frame in (now, before)]
    down, right = optical_flow_ilk(  # type: ignore[no-untyped-call]  # scikit-image has not typed it
        *small, radius=RADIUS_PX, num_warp=WARPS, dtype=np.float32
    )
    flow: Tensor = torch.from_numpy(np.stack([right * width / size[1], down * height / size[0]]))[None].to(now)
    flow = functional.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
    moves = torch.linalg.vector_norm(flow, dim=1, keepdim=True) >= MIN_MOTION_PX
    return torch.where(moves, flow, 0.0)
