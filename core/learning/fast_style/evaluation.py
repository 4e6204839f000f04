"""Evaluation of a trained painter: result items in stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from core.items import Animation, Image, Item, Scalar
from core.learning.fast_style.judging import Styles, measures
from core.learning.fast_style.learner import StyleLearner
from core.learning.fast_style.painter import paint
from core.learning.pictures import as_values
from core.learning.sheets import paired_sheet, sheets
from core.learning.stored import parameter_count
from core.method_base.style import side_by_side
from core.networks.network import Network

ANIMATION_FRAME_MS = 400

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained painter with held-out pictures, its styles, and the judge."""

    learner: StyleLearner
    held_out: Tensor
    """(M, 3, S, S) uint8."""
    styles: Styles
    judge: Network

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """The stages of the evaluation; each returns some of the items."""
        return self.samples, self.judged

    def samples(self) -> Items:
        """Stylized held-out pictures, the progress of the training, and the styles."""
        photos = as_values(self.held_out)
        animation = as_values(self.learner.progress.animation())
        return {
            "samples": Image(pixels=paired_sheet(photos, self._stylized(), len(photos))),
            "progress": Animation(frames=sheets(animation, animation.shape[1]), frame_ms=ANIMATION_FRAME_MS),
            "styles": Image(pixels=side_by_side([style for style, _ in self.styles])),
            "parameters": Scalar(value=parameter_count(self.learner.painter)),
        }

    def judged(self) -> Items:
        """Measures by the judge, means over the held-out pictures."""
        return measures(self.judge, self._stylized(), as_values(self.held_out), self.styles)

    def _stylized(self) -> Tensor:
        """Stylized held-out pictures in [0, 1]."""
        return paint(self.learner.painter, as_values(self.held_out))
