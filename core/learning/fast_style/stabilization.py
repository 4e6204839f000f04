"""Video stylization without flicker.

A painter stylizes each frame independently: slight noise may change brush strokes. So the previous stylized frame is
warped along the motion of the video, and blended in wherever that motion explains the new frame. This needs no training
and works with every painter; newly visible regions are stylized from the frame alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine.ranges import from_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.motion import motion
from core.learning.fast_style.painter import Painter, paint


@dataclass(frozen=True)
class Frame:
    """One frame before and after stylization."""

    original: Pixels
    stabilized: Pixels
    framewise: Pixels
    """Stylized independently of other frames."""


class StabilizedPainter:
    """Stylizes the frames of one video in order."""

    def __init__(self, painter: Painter, temporal_weight: float) -> None:
        """`temporal_weight` in [0, 1): weight of the warped previous frame where the trust is 1."""
        self.painter, self.temporal_weight = painter, temporal_weight
        self._previous: Mapping[str, Tensor] = {}

    def paint(self, frames: Iterator[Pixels]) -> Iterator[Frame]:
        """Stylize frames (H, W, 3) uint8 of one size, one by one."""
        for pixels in frames:
            original = from_pixels(pixels.copy()).to(self.painter.device)
            yield self._stylize(pixels, original)

    @torch.no_grad()
    def _stylize(self, pixels: Pixels, original: Tensor) -> Frame:
        framewise = stabilized = paint(self.painter, original)
        if self._previous and self.temporal_weight:
            movement = motion(self._previous["original"], original)
            blend = self.temporal_weight * movement.trust
            stabilized = framewise + blend * (movement.warped(self._previous["stabilized"]) - framewise)
        self._previous = {"original": original, "stabilized": stabilized}
        return Frame(pixels, to_pixels(stabilized), to_pixels(framewise))
