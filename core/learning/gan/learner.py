"""Training of a GAN: the non-saturating loss, and a moving average of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine import checkpoints
from core.engine.ranges import as_stored
from core.errors import Damaged
from core.items import Pixels
from core.learning.gan import latents
from core.learning.gan.networks import Discriminator, Generator
from core.learning.optimizers import adam, take_step
from core.learning.progress import Progress
from core.learning.sheets import sheet

SAMPLES, COLUMNS = 16, 4
FRAMES = 25
"""Frames of the progress animation."""
CHUNK = 256


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training, except the networks and the pictures."""

    seed: int
    generator_learning_rate: float
    """Initial learning rate; both decay linearly to 0."""
    discriminator_learning_rate: float
    beta1: float
    label_smoothing: float
    """The target of real pictures is 1 minus this (Salimans et al. 2016)."""
    ema_decay: float
    """Decay of the generator's moving average, per step."""


class GanLearner:
    """Trains generator and discriminator in turns; see `core.learning.loop.Learner`."""

    def __init__(self, generator: Generator, discriminator: Discriminator, recipe: Recipe, device: str) -> None:
        self.recipe = recipe
        self.generator = generator.to(device).to(memory_format=torch.channels_last).train()
        self.discriminator = discriminator.to(device).to(memory_format=torch.channels_last).train()
        self.ema = deepcopy(self.generator).eval().requires_grad_(requires_grad=False)
        """Generator with exponentially averaged weights, which is displayed and stored."""
        self._rates = {
            "generator_adam": recipe.generator_learning_rate,
            "discriminator_adam": recipe.discriminator_learning_rate,
        }
        self._optimizers = {
            name: adam(network, self._rates[name], recipe.beta1)
            for name, network in zip(self._rates, (self.generator, self.discriminator), strict=True)
        }
        self._fixed = latents.numbered_latents(range(SAMPLES), generator.design.latent)
        self.progress = Progress(FRAMES, self._samples)

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """Both losses, and the discriminator's accuracy on real and generated pictures."""
        self.progress.record(number, share)
        recipe, discriminator = self.recipe, self.discriminator
        points = latents.step_latents(len(pictures), self._fixed.shape[1], recipe.seed, number).to(pictures)
        samples = self.generator(points)
        real, fake = discriminator(pictures), discriminator(samples.detach())
        discriminator_loss = _loss(real, 1 - recipe.label_smoothing) + _loss(fake, 0.0)
        self._take_step("discriminator_adam", discriminator_loss, 1 - share)
        discriminator.requires_grad_(requires_grad=False)
        generator_loss = _loss(discriminator(samples), 1.0)
        discriminator.requires_grad_(requires_grad=True)
        self._take_step("generator_adam", generator_loss, 1 - share)
        self._update_ema(number)
        accuracy = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
        values = torch.stack([generator_loss.detach(), discriminator_loss.detach(), accuracy]).tolist()
        return dict(zip(("generator_loss", "discriminator_loss", "discriminator_accuracy"), values, strict=True))

    def _take_step(self, name: str, loss: Tensor, schedule_factor: float) -> None:
        take_step(self._optimizers[name], loss, self._rates[name] * schedule_factor)

    @torch.no_grad()
    def _update_ema(self, number: int) -> None:
        """Update the average, with a smaller decay in the first steps."""
        decay = min(self.recipe.ema_decay, (1 + number) / (10 + number))
        for averaged, latest in zip(self.ema.state_dict().values(), self.generator.state_dict().values(), strict=True):
            if averaged.is_floating_point():
                averaged.lerp_(latest, 1 - decay)

    def evaluate(self) -> Mapping[str, float]:
        """Nothing: samples are evaluated at the end."""
        return {}

    def preview(self) -> Pixels:
        """Current samples of the averaged generator, (H, W, 3)."""
        return sheet(self._samples(), COLUMNS)

    def _samples(self) -> Tensor:
        return generated(self.ema, self._fixed)

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights of all three networks, both optimizers' moments, and the progress animation."""
        tensors = dict(self.progress.tensors())
        for name, network in self._networks().items():
            tensors |= checkpoints.prefixed(name, network.state_dict())
        for name, optimizer in self._optimizers.items():
            tensors |= checkpoints.prefixed(name, checkpoints.optimizer_state(optimizer))
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from what `tensors` gave. Raises Damaged where they belong to other networks."""
        weights = {name: checkpoints.with_prefix(name, tensors) for name in self._networks()}
        if not all(checkpoints.fits(weights[name], network) for name, network in self._networks().items()):
            raise Damaged("the checkpoint does not fit its generator and discriminator")
        for name, network in self._networks().items():
            network.load_state_dict(weights[name])
        for name, optimizer in self._optimizers.items():
            checkpoints.load_optimizer_state(optimizer, checkpoints.with_prefix(name, tensors))
        self.progress.restore(tensors)

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "ema": self.ema}


@torch.no_grad()
def generated(generator: Generator, points: Tensor) -> Tensor:
    """Generated pictures (N, C, S, S) of latents (N, D) as they are stored, on the generator's device."""
    device = generator.start.weight.device
    return torch.cat([as_stored(generator(part.to(device))) for part in torch.split(points, CHUNK)])


def _loss(logits: Tensor, target: float) -> Tensor:
    """Mean cross-entropy of logits (N,) with one target for all."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
