"""Video stylization without flicker, and measures of the flicker.

A painter stylizes each frame independently: slight noise may change brush strokes. So the previous stylized frame is
warped along the motion of the video, and blended in wherever that motion explains the new frame. This needs no training
and works with every painter; newly visible regions are stylized from the frame alone. The warping error is that of Lai
et al. 2018, arXiv:1808.00449; it uses the same motion as the blending, and cannot detect motion that was not found.
Flicker in static regions needs no motion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.ranges import from_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.motion import Motion, motion
from core.learning.fast_style.painter import Painter, paint

MAX_STATIC_CHANGE, STATIC_RADIUS_PX = 2.5 / 255, 4
"""A pixel is static where no color within this radius changes more; video encoding alone changes it by 1 or 2."""
MIN_TRUST = 0.5
"""Minimal trust of pixels in the warping error."""
MIN_STATIC_SHARE = 0.01
"""Minimal share of static pixels in a video for a flicker measure."""
KINDS = ("stabilized", "framewise", "original")


@dataclass(frozen=True)
class Frame:
    """One frame before and after stylization."""

    original: Pixels
    stabilized: Pixels
    errors: Mapping[str, float]
    """Warping error for each of `KINDS`, mean |change| on a scale of 255; empty if no previous frame explains it."""


@dataclass
class Flicker:
    """Sums over the static pixels of a whole video."""

    static_pixels: float = 0.0
    pixels: float = 0.0
    changes: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))

    def mean(self, kind: str) -> float | None:
        """Mean of |change| in static regions, on a scale of 255; None where almost nothing is static."""
        if self.static_pixels == 0 or self.static_pixels < MIN_STATIC_SHARE * self.pixels:
            return None
        return self.changes[kind] / self.static_pixels


class StabilizedPainter:
    """Stylizes the frames of one video in order."""

    def __init__(self, painter: Painter, temporal_weight: float) -> None:
        """`temporal_weight` in [0, 1): weight of the warped previous frame where the trust is 1."""
        self.painter, self.temporal_weight = painter, temporal_weight
        self.flicker = Flicker()
        self._previous: dict[str, Tensor] = {}

    def paint(self, frames: Iterator[Pixels]) -> Iterator[Frame]:
        """Stylize frames (H, W, 3) uint8 of one size, one by one."""
        for pixels in frames:
            original = from_pixels(pixels.copy()).to(self.painter.device)
            yield self._stylize(pixels, original)

    @torch.no_grad()
    def _stylize(self, pixels: Pixels, original: Tensor) -> Frame:
        framewise = paint(self.painter, original)
        current = {"original": original, "framewise": framewise, "stabilized": framewise}
        errors: dict[str, float] = {}
        if self._previous:
            movement = motion(self._previous["original"], original)
            blend = self.temporal_weight * movement.trust
            current["stabilized"] = framewise + blend * (movement.warped(self._previous["stabilized"]) - framewise)
            errors = self._warping_errors(current, movement)
        self._previous = current
        return Frame(pixels, to_pixels(current["stabilized"]), errors)

    def _warping_errors(self, current: Mapping[str, Tensor], movement: Motion) -> dict[str, float]:
        previous = self._previous
        changed = (current["original"] - previous["original"]).abs().amax(dim=1, keepdim=True)
        static = (
            functional.max_pool2d(changed, 2 * STATIC_RADIUS_PX + 1, 1, STATIC_RADIUS_PX) <= MAX_STATIC_CHANGE
        ).float()
        self.flicker.static_pixels += float(static.sum())
        self.flicker.pixels += static.numel()
        trusted = (movement.trust >= MIN_TRUST).float()
        trusted_pixels = float(trusted.sum())
        errors = {}
        for kind in KINDS:
            change = (current[kind] - previous[kind]).abs().mean(dim=1, keepdim=True)
            self.flicker.changes[kind] += 255 * float((change * static).sum())
            warping_error = (current[kind] - movement.warped(previous[kind])).abs().mean(dim=1, keepdim=True)
            errors[kind] = 255 * float((warping_error * trusted).sum()) / max(trusted_pixels, 1.0)
        return errors if trusted_pixels else {}
