from __future__ import annotations

from typing import Any

import pytest
import torch

from core.engine import checkpoints
from core.errors import Damaged
from core.learning.autoencoder.learner import (
    AutoencoderLearner,
    Recipe,
    Sparsity,
    active_share,
    encoded,
    noisy_inputs,
    reconstructed,
)
from core.learning.autoencoder.noise import Noise
from tests.core.learning.autoencoder.fitting import a_batch, pictures, untrained

NOISE = Noise("pixels", 0.3)


def a_learner(recipe: Recipe | None = None, **parts: Any) -> AutoencoderLearner:
    return AutoencoderLearner(untrained(**parts), recipe or Recipe(0, 0.01), pictures().held_out[:40])


def taught(learner: AutoencoderLearner, steps: int, first: int = 0) -> list[dict[str, float]]:
    return [dict(learner.step(a_batch(), number, number / 20)) for number in range(first, first + steps)]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(0, 0.01),
        Recipe(0, 0.01, loss="mae"),
        Recipe(0, 0.01, noise=NOISE),
        Recipe(0, 0.01, sparsity=Sparsity("l1", 0.2)),
        Recipe(0, 0.01, precision="bf16"),
    ],
    ids=str,
)
def test_repeated_pictures_are_learned(recipe: Recipe) -> None:
    learner = a_learner(recipe)
    losses = [numbers["loss"] for numbers in taught(learner, 60)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_loss_is_that_of_the_clean_picture() -> None:
    learner = a_learner(Recipe(0, 1e-9, noise=NOISE))
    reconstructions, _ = learner.model(NOISE.on(a_batch(), torch.Generator().manual_seed(0)))
    expected = float((reconstructions - a_batch()).detach().square().mean())
    assert taught(learner, 1)[0]["loss"] == pytest.approx(expected, rel=0.05)


def test_a_step_has_its_own_noise_whatever_came_before() -> None:
    learners = [a_learner(Recipe(3, 1e-9, noise=NOISE)) for _ in range(2)]
    taught(learners[0], 4)
    (first,), (second,) = (taught(learner, 1, first=7) for learner in learners)
    assert first == pytest.approx(second)


def test_more_units_than_requested_make_the_penalty_heavier_and_fewer_make_it_lighter() -> None:
    heavier, lighter = (
        a_learner(Recipe(0, 1e-9, sparsity=Sparsity("l1", share)), rectified=True) for share in (0.01, 0.9)
    )
    before = heavier.weight
    taught(heavier, 3)
    taught(lighter, 3)
    assert heavier.weight > before > lighter.weight


def test_evaluation_and_preview_change_no_weights_and_no_mode() -> None:
    learner = a_learner(rectified=True, kept=0.3)
    before = {name: tensor.clone() for name, tensor in learner.tensors().items()}
    measured, preview = learner.evaluate(), learner.preview()
    assert measured.keys() == {"held_out_loss"}
    assert preview.shape[2] == 3
    assert learner.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.tensors().items())


def test_it_continues_from_its_tensors_to_the_same_bits() -> None:
    recipe = Recipe(0, 0.01, noise=NOISE, sparsity=Sparsity("l1", 0.2))
    whole, first, second = (a_learner(recipe, rectified=True) for _ in range(3))
    taught(whole, 9)
    taught(first, 4)
    second.restore(checkpoints.from_bytes(checkpoints.to_bytes(first.tensors(), {}))[0])
    taught(second, 5, first=4)
    assert all(torch.equal(tensor, whole.tensors()[name]) for name, tensor in second.tensors().items())


def test_tensors_of_another_network_are_refused_and_change_nothing() -> None:
    learner = a_learner()
    before = {name: tensor.clone() for name, tensor in learner.tensors().items()}
    with pytest.raises(Damaged, match="does not fit its autoencoder"):
        learner.restore(a_learner(code=5).tensors())
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.tensors().items())


def test_many_pictures_go_through_in_chunks_to_the_same_codes() -> None:
    model = untrained().eval()
    many = pictures().training[:600]
    _, codes = reconstructed(model, many.float() / 255)
    assert torch.allclose(encoded(model, many), codes, atol=1e-6)
    assert torch.allclose(model.encode(many[590:].float() / 255), codes[590:], atol=1e-6)


def test_held_out_pictures_always_have_the_same_noise() -> None:
    inputs = pictures().held_out
    assert torch.equal(noisy_inputs(inputs, NOISE, 1), noisy_inputs(inputs, NOISE, 1))
    assert not torch.equal(noisy_inputs(inputs, NOISE, 1), noisy_inputs(inputs, NOISE, 2))
    assert torch.equal(noisy_inputs(inputs, None, 1), inputs.float() / 255)


def test_active_units_are_those_above_zero() -> None:
    assert active_share(torch.tensor([[0.0, 1.0, -1.0, 2.0]])) == 0.5
