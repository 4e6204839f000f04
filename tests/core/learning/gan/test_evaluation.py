from __future__ import annotations

import numpy as np
import pytest
import torch

from core.datasets.digits import digits
from core.items import Animation, Image, Item, Scalar
from core.learning.gan.evaluation import STEPS_BETWEEN, Evaluation, by_pixels, has_enough_pictures, walk
from core.learning.gan.latents import numbered_latents
from core.learning.gan.learner import GanLearner, Recipe, generated
from core.learning.gan.networks import Design, build
from core.learning.loop import Loop, Plan
from core.learning.pictures import Pictures, in_memory
from core.networks.catalog import get_card
from core.networks.loading import load

RECIPE = Recipe(
    seed=0,
    generator_learning_rate=2e-3, discriminator_learning_rate=2e-3, beta1=0.5, label_smoothing=0.1, ema_decay=0.95
)  # fmt: skip
JUDGE = "random/test_resnet"


def untrained(pictures: Pictures) -> Evaluation:
    generator, discriminator = build(Design(16, pictures.channels, latent=32, width=16), "spectral", seed=0)
    return Evaluation(GanLearner(generator, discriminator, RECIPE, "cpu"), pictures, load(get_card(JUDGE)), seed=0)


def pictures_of(training: torch.Tensor, held_out: torch.Tensor) -> Pictures:
    labels = (np.zeros(len(part), np.int64) for part in (training, held_out))
    return Pictures(training, held_out, *labels, ("one",))


def value(item: Item) -> float:
    assert isinstance(item, Scalar)
    return item.value


@pytest.fixture(scope="module")
def real() -> Pictures:
    return in_memory(digits(), 16, "cpu")


@pytest.fixture(scope="module")
def trained(real: Pictures) -> Evaluation:
    trained = untrained(real)
    loop = Loop(trained.learner, real.training, Plan(epochs=6, batch=32, seed=0))
    for _ in range(loop.steps):
        loop.advance()
    return trained


def test_after_a_short_training_samples_are_much_closer_to_real_digits(real: Pictures, trained: Evaluation) -> None:
    distance, floor = "frechet_distance", "frechet_floor"
    before, after = untrained(real).distances(), trained.distances()
    assert value(after[distance]) < value(before[distance]) / 4
    assert value(after[floor]) == value(before[floor]) < value(after[distance])
    assert isinstance(after[distance], Scalar)
    assert after[distance].subject == f"{JUDGE}'s features"


def test_after_a_short_training_samples_are_diverse_and_no_copies(trained: Evaluation) -> None:
    near = trained.neighbors()
    assert value(near["diversity"]) > 0.5
    assert value(near["copying"]) > 1


def test_copies_are_told_from_new_pictures(real: Pictures) -> None:
    held_out, training = real.held_out.float() / 255, real.training
    copies, new = (by_pixels(samples, held_out, training) for samples in (training[:180].float() / 255, held_out))
    assert value(copies["copying"]) == 0
    assert value(new["copying"]) == 1
    assert value(copies["diversity"]) == pytest.approx(1, abs=0.1)
    assert value(new["diversity"]) == 1


def test_equal_samples_have_no_diversity(real: Pictures) -> None:
    held_out = real.held_out.float() / 255
    result = by_pixels(held_out[:1].expand(20, -1, -1, -1), held_out, real.training)
    assert value(result["diversity"]) == pytest.approx(0, abs=1e-3)


def test_a_single_held_out_picture_has_a_distance_and_no_diversity() -> None:
    training = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8)
    items = by_pixels(torch.rand(16, 3, 16, 16), torch.rand(1, 3, 16, 16), training)
    assert items["copying"].value > 0
    assert (items["diversity"].value, items["diversity"].reason) == (
        None,
        "one held-out picture has no distance to another",
    )


def test_copies_are_not_found_by_pictures_that_stand_in_both_parts() -> None:
    training = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8)
    samples = torch.rand(16, 3, 16, 16)
    copies = training[:3].float() / 255
    assert (by_pixels(samples, copies, training)["copying"].value) is None
    reason = "every held-out picture is also a training picture"
    assert by_pixels(samples, copies, training)["copying"].reason == reason
    own = torch.rand(2, 3, 16, 16)
    alone, among_copies = (
        by_pixels(samples, held_out, training)["copying"] for held_out in (own, torch.cat([own, copies]))
    )
    assert alone.value == among_copies.value


def test_identical_pictures_have_no_diversity_to_compare_with() -> None:
    training = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8)
    same = torch.full((4, 3, 16, 16), 0.5)
    diversity = by_pixels(torch.rand(16, 3, 16, 16), same, training)["diversity"]
    assert (diversity.value, diversity.reason) == (None, "all held-out pictures are the same")
    assert by_pixels(same, torch.rand(4, 3, 16, 16), training)["diversity"].value == 0


def test_below_each_sample_is_its_nearest_training_picture() -> None:
    flat = torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1).expand(10, 1, 16, 16) * 25
    result = by_pixels(flat[torch.arange(16) % 10].float() / 255, flat.float() / 255, flat)["nearest"]
    assert isinstance(result, Image)
    side = (result.pixels.shape[0] - 3 * 2) // 4
    upper, copies, lower, copies_of_lower = (result.pixels[row * (side + 2) + side // 2] for row in range(4))
    assert np.array_equal(upper, copies)
    assert np.array_equal(lower, copies_of_lower)
    assert not np.array_equal(upper, lower)


def test_few_pictures_have_no_frechet_distance() -> None:
    few, many = (torch.zeros(count, 1, 16, 16, dtype=torch.uint8) for count in (19, 20))
    assert not has_enough_pictures(pictures_of(many, few))
    assert not has_enough_pictures(pictures_of(few, many))
    assert has_enough_pictures(pictures_of(many, many))


def test_the_walk_passes_the_samples_in_order(trained: Evaluation) -> None:
    generator, latents = trained.learner.ema, numbered_latents(range(3), 32)
    animation = walk(generator, latents)
    assert isinstance(animation, Animation)
    assert len(animation.frames) == 3 * STEPS_BETWEEN
    at_stations = torch.from_numpy(animation.frames[::STEPS_BETWEEN, 10::20, 10::20, 0].copy())  # a pixel is 20 px wide
    assert torch.allclose(at_stations / 255, generated(generator, latents)[:, 0], atol=0.51 / 255)


def test_samples_are_those_of_the_trained_generator(trained: Evaluation) -> None:
    items = trained.samples()
    samples, animation = items["samples"], items["progress"]
    assert isinstance(samples, Image)
    assert isinstance(animation, Animation)
    assert np.abs(animation.frames[-1].astype(int) - samples.pixels).max() <= 1
    assert np.abs(animation.frames[0].astype(int) - samples.pixels).mean() > 20
