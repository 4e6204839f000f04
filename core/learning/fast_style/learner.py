"""How a painter learns: content, style and total variation of what it paints, and Adam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Adam

from core.engine import checkpoints
from core.engine.optimization.objectives import total_variation
from core.engine.optimization.optimize import Precision, lowered
from core.engine.ranges import to_bytes
from core.errors import Damaged
from core.items import Pixels
from core.learning.fast_style.goals import Goal
from core.learning.fast_style.painter import Painter, painted
from core.learning.pictures import as_values
from core.learning.sheets import alternating

FRAMES = 13
"""Of the animation: from before the first step to after the last, more often at first."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how it learns, beside the painter, the goal and the pictures."""

    content_weight: float
    style_weight: float
    variation_weight: float
    learning_rate: float
    """At the start; falls evenly to nothing"""
    precision: Precision = "float32"


class StyleLearner:
    """Learns one style; see `core.learning.loop.Learner`."""

    def __init__(self, painter: Painter, goal: Goal, recipe: Recipe, shown: Tensor) -> None:
        """`shown` (M, 3, S, S) uint8 are painted now and then, to be looked at."""
        self.painter = painter.to(shown.device).to(memory_format=torch.channels_last).train()
        self.goal, self.recipe = goal, recipe
        # not fused: a fused step depends on where the tensors lie in memory, which a restart changes
        self.optimizer = Adam(self.painter.parameters(), lr=recipe.learning_rate, foreach=True)
        self._shown = as_values(shown)
        self._animation: list[Tensor] = []

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:  # noqa: ARG002
        """Every term of the loss, means over the pictures."""
        if share >= (len(self._animation) / (FRAMES - 1)) ** 2:
            self._animation.append(self._seen())
        recipe = self.recipe
        inputs = pictures.contiguous(memory_format=torch.channels_last)
        with lowered(inputs, recipe.precision):
            drawn = self.painter(inputs)
            content, style = self.goal.distances(drawn, inputs)
        variation = total_variation(drawn).mean()
        total = recipe.content_weight * content + recipe.style_weight * style + recipe.variation_weight * variation
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 - share)
        self.optimizer.step()
        numbers = torch.stack([total, content, style, variation]).tolist()
        return dict(zip(("total", "content", "style", "total_variation"), numbers, strict=True))

    def measured(self) -> Mapping[str, float]:
        """Nothing: the judge measures in the end."""
        return {}

    def preview(self) -> Pixels:
        """The held-out pictures, and below each how it is painted now."""
        return alternating(self._shown, painted(self.painter, self._shown), len(self._shown))

    def animation(self) -> Tensor:
        """The held-out pictures as they were painted on the way, the last frame now: (T, N, 3, S, S) uint8."""
        return torch.stack([*self._animation, self._seen()])

    def _seen(self) -> Tensor:
        return to_bytes(painted(self.painter, self._shown)).movedim(-1, -3).cpu()

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights, Adam's moments and the animation."""
        parts = {
            **checkpoints.named("painter", self.painter.state_dict()),
            **checkpoints.named("adam", checkpoints.moments(self.optimizer)),
        }
        return parts | ({"animation": torch.stack(self._animation)} if self._animation else {})

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave. Raises Damaged where they are another painter's."""
        weights = checkpoints.below("painter", tensors)
        if not checkpoints.fits(weights, self.painter):
            raise Damaged("a checkpoint does not fit its painter")
        self.painter.load_state_dict(weights)
        checkpoints.restore_moments(self.optimizer, checkpoints.below("adam", tensors))
        self._animation = list(tensors.get("animation", ()))
