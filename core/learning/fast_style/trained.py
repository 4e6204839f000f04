"""What is shown and measured of a painter that has learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.items import Animation, Image, Item, Scalar
from core.learning.fast_style.judging import Styles, measures
from core.learning.fast_style.learner import StyleLearner
from core.learning.fast_style.painter import painted
from core.learning.pictures import as_values
from core.learning.sheets import alternating, sheets
from core.learning.stored import learned_numbers
from core.method_base.style import side_by_side
from core.networks.network import Network

ANIMATION_FRAME_MS = 400

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Trained:
    """A painter, pictures that it has never seen, and who compares them with the styles."""

    learner: StyleLearner
    held_out: Tensor
    """(M, 3, S, S) uint8"""
    styles: Styles
    judge: Network

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """What there is to do, each giving some of the items."""
        return self.shown, self.judged

    def shown(self) -> Items:
        """Held-out pictures as they are painted, how that came to be, and the styles."""
        photos = as_values(self.held_out)
        animation = as_values(self.learner.animation())
        return {
            "samples": Image(pixels=alternating(photos, self._painted(), len(photos))),
            "progress": Animation(frames=sheets(animation, animation.shape[1]), frame_ms=ANIMATION_FRAME_MS),
            "styles": Image(pixels=side_by_side([style for style, _ in self.styles])),
            "parameters": Scalar(value=learned_numbers(self.learner.painter)),
        }

    def judged(self) -> Items:
        """Distances to photo and style as the judge sees them, means of the held-out pictures."""
        return measures(self.judge, self._painted(), as_values(self.held_out), self.styles)

    def _painted(self) -> Tensor:
        """As they are kept: whole numbers."""
        drawn = painted(self.learner.painter, as_values(self.held_out))
        return torch.round(drawn * 255) / 255
