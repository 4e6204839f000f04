"""Training of a painter: perceptual loss, total variation, and Adam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import checkpoints
from core.engine.optimization.objectives import total_variation
from core.engine.optimization.optimize import Precision, reduced_precision
from core.errors import Damaged
from core.items import Pixels
from core.learning.fast_style.painter import Painter, paint
from core.learning.fast_style.perceptual_loss import PerceptualLoss
from core.learning.optimizers import adam, take_step
from core.learning.pictures import as_values
from core.learning.progress import Progress
from core.learning.sheets import paired_sheet

FRAMES = 13
"""Frames of the progress animation."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, except the painter, the loss and the pictures."""

    content_weight: float
    style_weight: float
    variation_weight: float
    learning_rate: float
    """Initial learning rate; decays linearly to 0."""
    precision: Precision = "float32"


class StyleLearner:
    """Trains a painter for one style; see `core.learning.loop.Learner`."""

    def __init__(self, painter: Painter, loss: PerceptualLoss, recipe: Recipe, held_out: Tensor) -> None:
        """`held_out` (M, 3, S, S) uint8: pictures of previews and of the progress animation."""
        self.painter = painter.to(held_out.device).to(memory_format=torch.channels_last).train()
        self.loss, self.recipe = loss, recipe
        self.optimizer = adam(self.painter, recipe.learning_rate)
        self._photos = as_values(held_out)
        self.progress = Progress(FRAMES, self._stylized)

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """The loss and its terms, means over the pictures."""
        self.progress.record(number, share)
        recipe = self.recipe
        inputs = pictures.contiguous(memory_format=torch.channels_last)
        with reduced_precision(inputs, recipe.precision):
            stylized = self.painter(inputs)
            content, style = self.loss.distances(stylized, inputs)
        variation = total_variation(stylized).mean()
        total = recipe.content_weight * content + recipe.style_weight * style + recipe.variation_weight * variation
        take_step(self.optimizer, total, recipe.learning_rate * (1 - share))
        values = torch.stack([total, content, style, variation]).tolist()
        return dict(zip(("total", "content", "style", "total_variation"), values, strict=True))

    def evaluate(self) -> Mapping[str, float]:
        """Nothing: the judge evaluates at the end."""
        return {}

    def preview(self) -> Pixels:
        """The held-out pictures, and below each its current stylization, (H, W, 3)."""
        return paired_sheet(self._photos, self._stylized(), len(self._photos))

    def _stylized(self) -> Tensor:
        return paint(self.painter, self._photos)

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights, Adam's moments, and the progress animation."""
        return {
            **checkpoints.prefixed("painter", self.painter.state_dict()),
            **checkpoints.prefixed("adam", checkpoints.optimizer_state(self.optimizer)),
            **self.progress.tensors(),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from what `tensors` gave. Raises Damaged where they belong to another painter."""
        weights = checkpoints.with_prefix("painter", tensors)
        if not checkpoints.fits(weights, self.painter):
            raise Damaged("the checkpoint does not fit its painter")
        self.painter.load_state_dict(weights)
        checkpoints.load_optimizer_state(self.optimizer, checkpoints.with_prefix("adam", tensors))
        self.progress.restore(tensors)
