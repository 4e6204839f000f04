"""Training of an autoencoder: reconstruction loss, sparsity penalty, and Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from core.engine import checkpoints
from core.engine.optimization.optimize import Precision, reduced_precision
from core.engine.seeding import seed_of
from core.errors import Damaged
from core.items import Pixels
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.noise import Noise
from core.learning.optimizers import adam, take_step
from core.learning.pictures import as_values
from core.learning.sheets import paired_sheet

LossKind = Literal["mse", "mae"]
LOSSES: Mapping[LossKind, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
}
MIN_RATE = 0.01
"""Share of the learning rate that is left at the end."""
CHUNK = 256
PREVIEW_PICTURES, PREVIEW_COLUMNS = 8, 4
GAIN = 0.02
"""Gain by which the penalty's weight follows the share of active units, per step."""
MIN_WEIGHT, START_WEIGHT, MAX_WEIGHT = 1e-6, 1e-3, 1e3
L2_WEIGHT = 0.01


@dataclass(frozen=True)
class Sparsity:
    """Penalty of a code, and how many of its units may be active.

    l1: the mean of |h|, with a weight that is adapted until the target share of units is active.
    l2: the mean of h^2, which makes no value zero; the largest ones are kept (`Design.kept`).
    """

    penalty: Literal["l1", "l2"]
    active: float
    """Target for the mean share of units above 0 per picture."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, except the network and the pictures."""

    seed: int
    learning_rate: float
    loss: LossKind = "mse"
    noise: Noise | None = None
    sparsity: Sparsity | None = None
    precision: Precision = "float32"


class AutoencoderLearner:
    """Trains an autoencoder; see `core.learning.loop.Learner`."""

    def __init__(self, model: Autoencoder, recipe: Recipe, held_out: Tensor) -> None:
        """`held_out` (M, C, S, S) uint8: pictures for evaluation after each epoch; the first ones are the preview."""
        self.recipe = recipe
        self.model = model.to(held_out.device).to(memory_format=torch.channels_last).train()
        self.optimizer = adam(model, recipe.learning_rate)
        self.weight = START_WEIGHT
        """Weight of an L1 penalty."""
        self._targets = as_values(held_out)
        self._inputs = noisy_inputs(held_out, recipe.noise, recipe.seed)

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """Loss of the step and, with sparsity, the share of active units."""
        recipe = self.recipe
        inputs = pictures.contiguous(memory_format=torch.channels_last)
        if recipe.noise is not None:
            inputs = recipe.noise.on(inputs, generator_on(inputs.device, recipe.seed, number, 1))
        with reduced_precision(inputs, recipe.precision):
            reconstructions, codes = self.model(inputs)
        loss = LOSSES[recipe.loss](reconstructions.float(), pictures)
        values = {"loss": loss.item()}
        if recipe.sparsity is not None:
            loss = loss + self._penalty(codes.float(), recipe.sparsity)
            values["active"] = active_share(codes)
        cosine = MIN_RATE + (1 - MIN_RATE) * (1 + math.cos(math.pi * share)) / 2
        take_step(self.optimizer, loss, recipe.learning_rate * cosine)
        return values

    def _penalty(self, codes: Tensor, sparsity: Sparsity) -> Tensor:
        if sparsity.penalty == "l2":
            return L2_WEIGHT * codes.square().mean()
        excess = active_share(codes) / sparsity.active - 1
        self.weight = min(max(self.weight * math.exp(GAIN * excess), MIN_WEIGHT), MAX_WEIGHT)
        return self.weight * codes.abs().mean()

    def evaluate(self) -> Mapping[str, float]:
        """The loss on held-out pictures."""
        reconstructions, _ = reconstructed(self.model, self._inputs)
        return {"held_out_loss": float(LOSSES[self.recipe.loss](reconstructions, self._targets))}

    def preview(self) -> Pixels:
        """A few held-out inputs, and below each its reconstruction, (H, W, 3)."""
        inputs = self._inputs[:PREVIEW_PICTURES]
        return paired_sheet(inputs, reconstructed(self.model, inputs)[0], PREVIEW_COLUMNS)

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights, Adam's moments and the penalty's weight."""
        return {
            **checkpoints.prefixed("model", self.model.state_dict()),
            **checkpoints.prefixed("adam", checkpoints.optimizer_state(self.optimizer)),
            "weight": torch.tensor(self.weight, dtype=torch.float64),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from what `tensors` gave. Raises Damaged where they belong to another network."""
        weights = checkpoints.with_prefix("model", tensors)
        if not checkpoints.fits(weights, self.model):
            raise Damaged("the checkpoint does not fit its autoencoder")
        self.model.load_state_dict(weights)
        checkpoints.load_optimizer_state(self.optimizer, checkpoints.with_prefix("adam", tensors))
        self.weight = float(tensors["weight"])


@torch.no_grad()
def reconstructed(model: Autoencoder, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Reconstructions (N, C, S, S) and codes (N, D) of pictures (N, C, S, S) in [0, 1], in eval mode."""
    training = model.training
    model.eval()
    try:
        parts = [model(part.contiguous(memory_format=torch.channels_last)) for part in torch.split(pictures, CHUNK)]
    finally:
        model.train(training)
    reconstructions, codes = zip(*parts, strict=True)
    return torch.cat(reconstructions), torch.cat(codes)


@torch.no_grad()
def encoded(model: Autoencoder, pictures: Tensor) -> Tensor:
    """Codes (N, D) of pictures (N, C, S, S) uint8; the model is in eval mode."""
    chunks = torch.split(pictures, CHUNK)
    return torch.cat([model.encode(as_values(chunk).contiguous(memory_format=torch.channels_last)) for chunk in chunks])


def active_share(codes: Tensor) -> float:
    """Share of the values of `codes` that are above 0."""
    return float((codes.detach() > 0).float().mean())


def noisy_inputs(pictures: Tensor, noise: Noise | None, seed: int) -> Tensor:
    """Inputs (N, C, S, S) in [0, 1] for evaluation, from pictures (N, C, S, S) uint8: the same noise each time."""
    inputs = as_values(pictures)
    return inputs if noise is None else noise.on(inputs, generator_on(inputs.device, seed, 0, 2))


def generator_on(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator on `device`, seeded with these numbers."""
    return torch.Generator(device).manual_seed(seed_of(*numbers))
