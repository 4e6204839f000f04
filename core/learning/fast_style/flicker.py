"""How much a video changes from frame to frame: where its original stands still, and along the motion of the original.

The warping error is that of Lai et al. 2018, arXiv:1808.00449; it uses the same motion as the stabilization, and cannot
detect motion that was not found. Flicker in static regions needs no motion.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from core.learning.fast_style.motion import motion

MAX_STATIC_CHANGE, STATIC_RADIUS_PX = 2.5 / 255, 4
"""A pixel is static where no color within this radius changes more; video encoding alone changes it by 1 or 2."""
MIN_TRUST = 0.5
"""Minimal trust of pixels in the warping error."""
MIN_STATIC_SHARE = 0.01
"""Minimal share of static pixels in a video for a flicker measure."""
ORIGINAL = "original"


class FlickerMeter:
    """Measures videos that were made of one original, frame by frame."""

    def __init__(self) -> None:
        self._static_pixels = self._pixels = 0.0
        self._changes: dict[str, float] = {}
        """Sums over the static pixels of the whole video."""
        self._previous: Mapping[str, Tensor] = {}

    @torch.no_grad()
    def add(self, frames: Mapping[str, Tensor]) -> dict[str, float]:
        """The warping error of each video at this frame: mean |change| along the motion, on a scale of 255.

        `frames`: video -> frame (1, 3, H, W) in [0, 1], `original` among them. Empty if no previous frame explains it.
        """
        previous, self._previous = self._previous, frames
        return self._changed(previous, frames) if previous else {}

    def flicker(self, video: str) -> float | None:
        """Mean of |change| in static regions, on a scale of 255; None where almost nothing is static."""
        if self._static_pixels == 0 or self._static_pixels < MIN_STATIC_SHARE * self._pixels:
            return None
        return self._changes[video] / self._static_pixels

    def _changed(self, previous: Mapping[str, Tensor], current: Mapping[str, Tensor]) -> dict[str, float]:
        changed = (current[ORIGINAL] - previous[ORIGINAL]).abs().amax(dim=1, keepdim=True)
        static = functional.max_pool2d(changed, 2 * STATIC_RADIUS_PX + 1, 1, STATIC_RADIUS_PX) <= MAX_STATIC_CHANGE
        self._static_pixels += float(static.sum())
        self._pixels += static.numel()
        movement = motion(previous[ORIGINAL], current[ORIGINAL])
        trusted = movement.trust >= MIN_TRUST
        trusted_pixels = float(trusted.sum())
        errors = {}
        for video, now in current.items():
            change = (now - previous[video]).abs().mean(dim=1, keepdim=True)
            self._changes[video] = self._changes.get(video, 0.0) + 255 * float((change * static).sum())
            warping_error = (now - movement.warped(previous[video])).abs().mean(dim=1, keepdim=True)
            errors[video] = 255 * float((warping_error * trusted).sum()) / max(trusted_pixels, 1.0)
        return errors if trusted_pixels else {}
