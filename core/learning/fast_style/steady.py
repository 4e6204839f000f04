"""Painting a video frame by frame, so that it does not flicker, and measuring how much it does.

A painter sees each frame alone: a little noise in it may turn into another brush stroke. So the frame painted before
is moved along with what moves in the video, and mixed in wherever that motion explains the new frame. This needs no
training of its own, holds for every painter, and shows nothing that was not painted: what comes into sight is painted
anew. The error along the motion is that of Lai et al. 2018, arXiv:1808.00449; it is measured along the same motion that
is mixed along, and says nothing of a motion that was not found. Flicker where nothing changes needs no motion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.ranges import of_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.motion import Motion, motion
from core.learning.fast_style.painter import Painter, painted

STILL, AROUND_PX = 2.5 / 255, 4
"""A place has not changed where no color changes more within so many pixels; encoding alone changes it by 1 or 2."""
TRUSTED = 0.5
"""Where the motion explains a frame so well, the error along it counts."""
FEW = 0.01
"""Share of a video's places: where fewer are still, nothing is told of them."""
KINDS = ("steady", "alone", "original")


@dataclass(frozen=True)
class Frame:
    """One frame as it was given and as it is painted."""

    original: Pixels
    steady: Pixels
    errors: Mapping[str, float]
    """Along the motion, mean of |change|, of 255: for each of `KINDS`; empty where no frame before explains this one"""


@dataclass
class Flicker:
    """Sums over the places that are still, of a whole video."""

    places: float = 0.0
    all_places: float = 0.0
    changes: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))

    def of(self, kind: str) -> float | None:
        """Mean of |change| where nothing changes, of 255; None where almost everything does."""
        if self.places == 0 or self.places < FEW * self.all_places:
            return None
        return self.changes[kind] / self.places


class SteadyPainter:
    """Paints the frames of one video in their order."""

    def __init__(self, painter: Painter, steadiness: float) -> None:
        """`steadiness` in [0, 1): the share of what was painted before, where the motion explains all."""
        self.painter, self.steadiness = painter, steadiness
        self.flicker = Flicker()
        self._before: dict[str, Tensor] = {}

    def paint(self, frames: Iterator[Pixels]) -> Iterator[Frame]:
        """Frames (H, W, 3) of one size."""
        for pixels in frames:
            original = of_pixels(pixels.copy()).to(self.painter.device)
            yield self._next(pixels, original)

    @torch.no_grad()
    def _next(self, pixels: Pixels, original: Tensor) -> Frame:
        alone = painted(self.painter, original)
        now = {"original": original, "alone": alone, "steady": alone}
        errors: dict[str, float] = {}
        if self._before:
            moved = motion(self._before["original"], original)
            kept = self.steadiness * moved.trust
            now["steady"] = alone + kept * (moved.moved(self._before["steady"]) - alone)
            errors = self._measured(now, moved)
        self._before = now
        return Frame(pixels, to_pixels(now["steady"]), errors)

    def _measured(self, now: Mapping[str, Tensor], moved: Motion) -> dict[str, float]:
        before = self._before
        changed = (now["original"] - before["original"]).abs().amax(dim=1, keepdim=True)
        still = (functional.max_pool2d(changed, 2 * AROUND_PX + 1, 1, AROUND_PX) <= STILL).float()
        self.flicker.places += float(still.sum())
        self.flicker.all_places += still.numel()
        trusted = (moved.trust >= TRUSTED).float()
        counted = float(trusted.sum())
        errors = {}
        for kind in KINDS:
            change = (now[kind] - before[kind]).abs().mean(dim=1, keepdim=True)
            self.flicker.changes[kind] += 255 * float((change * still).sum())
            along = (now[kind] - moved.moved(before[kind])).abs().mean(dim=1, keepdim=True)
            errors[kind] = 255 * float((along * trusted).sum()) / max(counted, 1.0)
        return errors if counted else {}
