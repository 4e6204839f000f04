"""How two networks learn against each other: the non-saturating loss, and an average of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from core.engine import checkpoints
from core.engine.ranges import to_bytes
from core.errors import Damaged
from core.items import Pixels
from core.learning.gan import latents
from core.learning.gan.networks import Discriminator, Generator
from core.learning.sheets import sheet

SHOWN, COLUMNS = 16, 4
FRAMES = 25
"""Of the animation: from before the first step to after the last."""
CHUNK = 256
BETA2 = 0.999


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how both learn, beside the networks and the pictures."""

    seed: int
    generator_rate: float
    """At the start; both fall evenly to nothing"""
    discriminator_rate: float
    beta1: float
    label_smoothing: float
    """Real pictures count as real only by 1 less this (Salimans et al. 2016)"""
    average: float
    """Decay of the generator's average, a step"""


class GanLearner:
    """Two networks in turns; see `core.learning.loop.Learner`."""

    def __init__(self, generator: Generator, discriminator: Discriminator, recipe: Recipe, device: str) -> None:
        self.recipe = recipe
        self.generator = generator.to(device).to(memory_format=torch.channels_last).train()
        self.discriminator = discriminator.to(device).to(memory_format=torch.channels_last).train()
        self.average = deepcopy(self.generator).eval().requires_grad_(requires_grad=False)
        """The generator's weights, averaged over the last steps: what is shown and kept."""
        self._rates = {"generator_adam": recipe.generator_rate, "discriminator_adam": recipe.discriminator_rate}
        # not fused: a fused step depends on where the tensors lie in memory, which a restart changes
        self._optimizers = {
            name: Adam(network.parameters(), betas=(recipe.beta1, BETA2), foreach=True)
            for name, network in zip(self._rates, (self.generator, self.discriminator), strict=True)
        }
        self._fixed = latents.numbered(range(SHOWN), generator.design.latent)
        self._animation: list[Tensor] = []
        self._animation_steps: list[int] = []
        """Steps that were taken before each of them."""

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """Both losses of one step, and the share of real and drawn pictures that the discriminator named right."""
        if share >= (len(self._animation) / (FRAMES - 1)) ** 2:
            self._animation.append(self._shown())
            self._animation_steps.append(number)
        recipe, judge = self.recipe, self.discriminator
        drawn = self.generator(latents.of_step(len(pictures), self._fixed.shape[1], recipe.seed, number).to(pictures))
        real, made = judge(pictures), judge(drawn.detach())
        named = _loss(real, 1 - recipe.label_smoothing) + _loss(made, 0.0)
        self._learn("discriminator_adam", named, 1 - share)
        judge.requires_grad_(requires_grad=False)
        fooled = _loss(judge(drawn), 1.0)
        judge.requires_grad_(requires_grad=True)
        self._learn("generator_adam", fooled, 1 - share)
        self._follow(number)
        right = ((real > 0).float().mean() + (made < 0).float().mean()) / 2
        numbers = torch.stack([fooled.detach(), named.detach(), right]).tolist()
        return dict(zip(("generator_loss", "discriminator_loss", "discriminator_accuracy"), numbers, strict=True))

    def _learn(self, name: str, loss: Tensor, rate_left: float) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        for group in optimizer.param_groups:
            group["lr"] = self._rates[name] * rate_left
        optimizer.step()

    @torch.no_grad()
    def _follow(self, number: int) -> None:
        """The average goes on; the first steps are soon forgotten."""
        decay = min(self.recipe.average, (1 + number) / (10 + number))
        for mine, latest in zip(self.average.state_dict().values(), self.generator.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(latest, 1 - decay)

    def measured(self) -> Mapping[str, float]:
        """Nothing: what samples are worth is measured in the end."""
        return {}

    def preview(self) -> Pixels:
        """What the averaged generator draws now."""
        return sheet(drawn(self.average, self._fixed), COLUMNS)

    def animation(self) -> Tensor:
        """The same latents as they were drawn on the way, the last frame now: (T, N, C, S, S) uint8 on the CPU."""
        return torch.stack([*self._animation, self._shown()])

    def animation_labels(self) -> tuple[str, ...]:
        """What each of its frames is."""
        return (*(f"after {step:,} steps" for step in self._animation_steps), "at the end")

    def _shown(self) -> Tensor:
        return to_bytes(drawn(self.average, self._fixed)).movedim(-1, -3).cpu()

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights of all three, both optimizers' moments, and the animation."""
        networks = {name: checkpoints.named(name, network.state_dict()) for name, network in self._networks().items()}
        moments = {name: checkpoints.named(name, checkpoints.moments(adam)) for name, adam in self._optimizers.items()}
        animation = (
            {"animation": torch.stack(self._animation), "animation_steps": torch.tensor(self._animation_steps)}
            if self._animation
            else {}
        )
        return {
            name: tensor for part in (*networks.values(), *moments.values(), animation) for name, tensor in part.items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave. Raises Damaged where they are other networks'."""
        weights = {name: checkpoints.below(name, tensors) for name in self._networks()}
        if not all(checkpoints.fits(weights[name], network) for name, network in self._networks().items()):
            raise Damaged("a checkpoint does not fit its generator and discriminator")
        for name, network in self._networks().items():
            network.load_state_dict(weights[name])
        for name, adam in self._optimizers.items():
            checkpoints.restore_moments(adam, checkpoints.below(name, tensors))
        self._animation = list(tensors.get("animation", ()))
        self._animation_steps = tensors["animation_steps"].tolist() if self._animation else []

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}


@torch.no_grad()
def drawn(generator: Generator, points: Tensor) -> Tensor:
    """Pictures (N, C, S, S) in [0, 1] of latents (N, D), on the generator's device."""
    device = generator.start.weight.device
    return torch.cat([generator(part.to(device)) for part in torch.split(points, CHUNK)])


def _loss(logits: Tensor, target: float) -> Tensor:
    """Cross-entropy of logits (N,) against the same target for all."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
