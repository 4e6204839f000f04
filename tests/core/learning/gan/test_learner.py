from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from core.engine import checkpoints
from core.errors import Damaged
from core.learning.gan.latents import numbered_latents
from core.learning.gan.learner import FRAMES, GanLearner, Recipe, generated
from core.learning.gan.networks import Design, Normalization, build
from core.learning.loop import Loop, Plan

RECIPE = Recipe(
    seed=3,
    generator_learning_rate=2e-3, discriminator_learning_rate=2e-3, beta1=0.5, label_smoothing=0.1, ema_decay=0.9
)  # fmt: skip
PLAN = Plan(epochs=5, batch=4, seed=3)


def bars(count: int = 20) -> torch.Tensor:
    """Pictures (N, 1, 16, 16) uint8: a bright column each, at one of 16 places."""
    pictures = torch.zeros(count, 1, 16, 16, dtype=torch.uint8)
    for number in range(count):
        pictures[number, :, :, number % 16] = 255
    return pictures


def a_loop(
    normalization: Normalization = "spectral", width: int = 4, plan: Plan = PLAN, recipe: Recipe = RECIPE
) -> tuple[GanLearner, Loop]:
    generator, discriminator = build(Design(16, 1, latent=6, width=width), normalization, recipe.seed)
    learner = GanLearner(generator, discriminator, recipe, "cpu")
    return learner, Loop(learner, bars(), plan)


def same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("normalization", ["batch", "spectral"])
@pytest.mark.parametrize("stopped_after", [0, 1, 12])
def test_one_that_was_stopped_and_goes_on_ends_with_the_same_numbers(
    normalization: Normalization, stopped_after: int
) -> None:
    undisturbed, loop = a_loop(normalization)
    for _ in range(loop.steps):
        loop.advance()
    _, loop_before = a_loop(normalization)
    for _ in range(stopped_after):
        loop_before.advance()
    tensors, numbers = checkpoints.from_bytes(loop_before.to_bytes())
    learner, loop_after = a_loop(normalization)
    learner.restore(tensors)
    assert numbers["step"] == stopped_after
    loop_after.state = type(loop_after.state)(**numbers)
    for _ in range(loop_after.steps - stopped_after):
        loop_after.advance()
    assert same(learner.tensors(), undisturbed.tensors())
    assert torch.equal(learner.progress.animation(), undisturbed.progress.animation())
    assert learner.progress.labels() == undisturbed.progress.labels()
    assert loop_after.state == loop.state


def test_another_networks_checkpoint_is_refused_and_changes_nothing() -> None:
    learner, _ = a_loop()
    before = {name: tensor.clone() for name, tensor in learner.tensors().items()}
    with pytest.raises(Damaged):
        learner.restore(a_loop(width=8)[0].tensors())
    assert same(learner.tensors(), before)


def test_losses_follow_from_the_discriminator_s_logits() -> None:
    """It takes everything for real with probability p: a real picture counts by 0.9, the generator has it its way."""
    learner, loop = a_loop("batch", recipe=replace(RECIPE, discriminator_learning_rate=1e-9))
    head = learner.discriminator.layers[-1]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, 2.0)
    p = 1 / (1 + math.exp(-2))
    numbers = loop.advance()
    assert numbers["generator_loss"] == pytest.approx(-math.log(p), rel=1e-5)
    expected = -(0.9 * math.log(p) + 0.1 * math.log(1 - p)) - math.log(1 - p)
    assert numbers["discriminator_loss"] == pytest.approx(expected, rel=1e-5)
    assert numbers["discriminator_accuracy"] == 0.5
    assert learner.evaluate() == {}


@pytest.mark.parametrize(
    ("frozen", "loss"),
    [("generator_learning_rate", "discriminator_loss"), ("discriminator_learning_rate", "generator_loss")],
)
def test_a_network_wins_against_a_frozen_one(frozen: str, loss: str) -> None:
    _, loop = a_loop(plan=Plan(epochs=30, batch=4, seed=3), recipe=replace(RECIPE, **{frozen: 1e-9}))
    losses = [loop.advance()[loss] for _ in range(loop.steps)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_animation_starts_before_the_first_step_and_ends_with_the_current_samples() -> None:
    learner, loop = a_loop(plan=Plan(epochs=20, batch=4, seed=3))
    fixed = numbered_latents(range(16), 6)
    first = generated(learner.ema, fixed)
    for _ in range(loop.steps):
        loop.advance()
    animation = learner.progress.animation()
    assert len(animation) == FRAMES
    assert animation.shape[1:] == (16, 1, 16, 16)
    assert learner.progress.labels()[:: FRAMES - 1] == ("after 0 steps", "at the end")
    assert len(learner.progress.labels()) == FRAMES
    for frame, pictures in ((animation[0], first), (animation[-1], generated(learner.ema, fixed))):
        assert torch.allclose(frame.float() / 255, pictures, atol=0.51 / 255)
    assert float((animation[0].float() - animation[-1].float()).abs().mean()) > 5
    assert learner.preview().shape[2] == 3


def test_the_average_is_in_eval_mode_and_not_trained() -> None:
    learner, loop = a_loop()
    single, three = numbered_latents([0], 6), numbered_latents(range(3), 6)
    for _ in range(3):
        loop.advance()
    assert torch.allclose(generated(learner.ema, single), generated(learner.ema, three)[:1], atol=1e-6)
    assert not any(part.requires_grad for part in learner.ema.parameters())
