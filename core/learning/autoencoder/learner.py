"""How an autoencoder learns: a reconstruction's error, what the code costs where it shall be sparse, and Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from core.engine import checkpoints
from core.engine.optimization.optimize import Precision, lowered
from core.engine.seeding import seed_of
from core.errors import Damaged
from core.items import Pixels
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.noise import Noise
from core.learning.pictures import as_values
from core.learning.sheets import alternating

LossKind = Literal["mse", "mae"]
LOSSES: Mapping[LossKind, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
}
MIN_RATE = 0.01
"""Share of the rate that is left at the end."""
CHUNK = 256
PREVIEWED, PREVIEW_COLUMNS = 8, 4
GAIN = 0.02
"""How fast the penalty's weight follows the share of active units, a step."""
LEAST_WEIGHT, FIRST_WEIGHT, MOST_WEIGHT = 1e-6, 1e-3, 1e3
L2_WEIGHT = 0.01


@dataclass(frozen=True)
class Sparsity:
    """What a code costs, and how many of its units may be active.

    l1: the mean of |h|, weighted so that as many units are active as asked for; the weight is found on the way.
    l2: the mean of h^2, which makes values small and none zero; the greatest are kept (`Design.kept`).
    """

    penalty: Literal["l1", "l2"]
    active: float
    """Share of the units that shall be above 0 for a picture, on the mean"""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how it learns, beside the network and the pictures."""

    seed: int
    learning_rate: float
    loss: LossKind = "mse"
    noise: Noise | None = None
    sparsity: Sparsity | None = None
    precision: Precision = "float32"


class AutoencoderLearner:
    """Learns to draw pictures from their codes; see `core.learning.loop.Learner`."""

    def __init__(self, model: Autoencoder, recipe: Recipe, held_out: Tensor) -> None:
        """`held_out` (M, C, S, S) uint8 measure after each epoch, the first of them are the preview."""
        self.recipe = recipe
        self.model = model.to(held_out.device).to(memory_format=torch.channels_last).train()
        # not fused: a fused step depends on where the tensors lie in memory, which a restart changes
        self.optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, foreach=True)
        self.weight = FIRST_WEIGHT
        """Of an L1 penalty."""
        self._targets = as_values(held_out)
        self._inputs = noised(held_out, recipe.noise, recipe.seed)

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """The loss of one step; where the code shall be sparse, the share of active units too."""
        recipe = self.recipe
        inputs = pictures.contiguous(memory_format=torch.channels_last)
        if recipe.noise is not None:
            inputs = recipe.noise.on(inputs, generator_on(inputs.device, recipe.seed, number, 1))
        with lowered(inputs, recipe.precision):
            drawn, codes = self.model(inputs)
        loss = LOSSES[recipe.loss](drawn.float(), pictures)
        numbers = {"loss": loss.item()}
        if recipe.sparsity is not None:
            loss = loss + self._penalty(codes.float(), recipe.sparsity)
            numbers["active"] = active_share(codes)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (MIN_RATE + (1 - MIN_RATE) * (1 + math.cos(math.pi * share)) / 2)
        self.optimizer.step()
        return numbers

    def _penalty(self, codes: Tensor, sparsity: Sparsity) -> Tensor:
        if sparsity.penalty == "l2":
            return L2_WEIGHT * codes.square().mean()
        too_many = active_share(codes) / sparsity.active - 1
        self.weight = min(max(self.weight * math.exp(GAIN * too_many), LEAST_WEIGHT), MOST_WEIGHT)
        return self.weight * codes.abs().mean()

    def measured(self) -> Mapping[str, float]:
        """The loss on held-out pictures."""
        drawn, _ = applied(self.model, self._inputs)
        return {"held_out_loss": float(LOSSES[self.recipe.loss](drawn, self._targets))}

    def preview(self) -> Pixels:
        """A few held-out pictures as the network is given them, and below each what it draws."""
        inputs = self._inputs[:PREVIEWED]
        return alternating(inputs, applied(self.model, inputs)[0], PREVIEW_COLUMNS)

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights, Adam's moments and the penalty's weight."""
        return {
            **checkpoints.named("model", self.model.state_dict()),
            **checkpoints.named("adam", checkpoints.moments(self.optimizer)),
            "weight": torch.tensor(self.weight, dtype=torch.float64),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave. Raises Damaged where they are another network's."""
        weights = checkpoints.below("model", tensors)
        if not checkpoints.fits(weights, self.model):
            raise Damaged("a checkpoint does not fit its autoencoder")
        self.model.load_state_dict(weights)
        checkpoints.restore_moments(self.optimizer, checkpoints.below("adam", tensors))
        self.weight = float(tensors["weight"])


@torch.no_grad()
def applied(model: Autoencoder, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Reconstructions (N, C, S, S) and codes (N, D) of pictures (N, C, S, S) in [0, 1]; nothing is learned of them."""
    training = model.training
    model.eval()
    try:
        parts = [model(part.contiguous(memory_format=torch.channels_last)) for part in torch.split(pictures, CHUNK)]
    finally:
        model.train(training)
    drawn, codes = zip(*parts, strict=True)
    return torch.cat(drawn), torch.cat(codes)


@torch.no_grad()
def encoded(model: Autoencoder, pictures: Tensor) -> Tensor:
    """Codes (N, D) of pictures (N, C, S, S) uint8 by a model that is for use only."""
    chunks = torch.split(pictures, CHUNK)
    return torch.cat([model.encode(as_values(chunk).contiguous(memory_format=torch.channels_last)) for chunk in chunks])


def active_share(codes: Tensor) -> float:
    """Share of the values of `codes` that are above 0."""
    return float((codes.detach() > 0).float().mean())


def noised(pictures: Tensor, noise: Noise | None, seed: int) -> Tensor:
    """Pictures (N, C, S, S) uint8 as the network is given them when it is measured, in [0, 1]; always the same."""
    values = as_values(pictures)
    return values if noise is None else noise.on(values, generator_on(values.device, seed, 0, 2))


def generator_on(device: torch.device, *decided_by: int) -> torch.Generator:
    """A generator of this device, started from these numbers."""
    return torch.Generator(device).manual_seed(seed_of(*decided_by))
