from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.learning.classifier.targets import MixRecipe, mixed, smoothed

MIXUP = MixRecipe(share=1, mixup=0.4, cutmix=0)
CUTMIX = MixRecipe(share=1, mixup=0, cutmix=1)
SIZE = (9, 14)


def batch(count: int = 4, height: int = SIZE[0], width: int = SIZE[1]) -> tuple[Tensor, Tensor]:
    """Pictures of one value each, 0 to N - 1, and a class for each."""
    pictures = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, height, width).contiguous()
    return pictures, torch.eye(count)


def drawn(recipe: MixRecipe, seed: int, count: int = 4) -> tuple[Tensor, Tensor]:
    return mixed(*batch(count), recipe, np.random.default_rng(seed))


def own_share_of(targets: Tensor) -> float:
    """What is left of a picture, by its label."""
    return float(targets[0, 0])


def test_smoothed_labels_are_the_closed_form() -> None:
    targets = smoothed(torch.tensor([2, 0]), 4, 0.2)
    assert torch.allclose(targets, torch.tensor([[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]))
    assert torch.equal(smoothed(torch.tensor([1]), 3, 0), torch.tensor([[0.0, 1.0, 0.0]]))


@pytest.mark.parametrize("recipe", [MIXUP, CUTMIX, MixRecipe(0.5, 0.2, 1)], ids=["mixup", "cutmix", "both"])
def test_targets_stay_shares_of_one(recipe: MixRecipe) -> None:
    targets = smoothed(torch.tensor([0, 1, 2, 1]), 3, 0.1)
    for seed in range(30):
        _, mixed_labels = mixed(batch()[0], targets, recipe, np.random.default_rng(seed))
        assert torch.allclose(mixed_labels.sum(dim=1), torch.ones(4))
        assert (mixed_labels > 0).all()


def test_mixup_mixes_pictures_and_targets_alike() -> None:
    pictures, targets = batch()
    for seed in range(30):
        mixed_pictures, mixed_targets = drawn(MIXUP, seed)
        own_share = own_share_of(mixed_targets)
        assert torch.allclose(mixed_pictures, own_share * pictures + (1 - own_share) * pictures.flip(0))
        assert torch.allclose(mixed_targets, own_share * targets + (1 - own_share) * targets.flip(0))


def test_the_share_of_the_patch_is_the_share_of_the_label() -> None:
    shares = []
    for seed in range(100):
        pictures, targets = drawn(CUTMIX, seed)
        own = torch.arange(4.0).view(-1, 1, 1, 1)
        foreign = pictures == own.flip(0)
        assert (foreign | (pictures == own)).all()  # every pixel is one picture's or the other's
        assert foreign.float().mean(dim=(1, 2, 3)) == pytest.approx(1 - own_share_of(targets), abs=1e-6)
        shares.append(1 - own_share_of(targets))
    assert min(shares) < 0.05
    assert max(shares) > 0.6


def test_the_patch_is_one_box_in_the_same_place_of_every_picture() -> None:
    for seed in range(30):
        pictures, _ = drawn(CUTMIX, seed)
        foreign = pictures == torch.arange(4.0).view(-1, 1, 1, 1).flip(0)
        assert (foreign == foreign[:1, :1]).all()
        rows, columns = foreign[0, 0].any(dim=1), foreign[0, 0].any(dim=0)
        assert torch.equal(foreign[0, 0], rows[:, None] & columns[None])
        for line in (rows, columns):
            assert int(line.int().diff().abs().sum()) <= 2


def test_the_patch_is_as_large_as_what_is_drawn_but_for_what_lies_outside() -> None:
    """Of a uniform share u, sides sqrt(u) around any place: 1/2 - 1/5 + 1/48 of the picture on average."""
    generator = np.random.default_rng(0)
    shares = [1 - own_share_of(mixed(*batch(2, 64, 64), CUTMIX, generator)[1]) for _ in range(1000)]
    assert np.mean(shares) == pytest.approx(1 / 2 - 1 / 5 + 1 / 48, abs=0.025)


@pytest.mark.parametrize("parameter", [0.2, 1.0])
def test_mixup_is_drawn_from_its_beta_distribution(parameter: float) -> None:
    generator, recipe = np.random.default_rng(0), MixRecipe(1, parameter, 0)
    own_share = [own_share_of(mixed(*batch(2, 1, 1), recipe, generator)[1]) for _ in range(3000)]
    assert np.mean(own_share) == pytest.approx(0.5, abs=0.03)
    assert np.var(own_share) == pytest.approx(1 / (4 * (2 * parameter + 1)), rel=0.08)


def test_so_many_batches_are_mixed_and_half_of_them_by_each() -> None:
    generator, recipe = np.random.default_rng(0), MixRecipe(0.25, 0.2, 1)
    pictures, targets = batch()
    mixtures = [mixed(pictures, targets, recipe, generator)[0] for _ in range(2000)]
    altered = [one for one in mixtures if one is not pictures]
    blended = [one for one in altered if (one != one.round()).any()]  # CutMix only moves values
    assert len(altered) == pytest.approx(500, abs=60)
    assert len(blended) == pytest.approx(250, abs=50)


@pytest.mark.parametrize("recipe", [MixRecipe(0, 0.2, 1), MixRecipe(1, 0, 0)], ids=["no share", "no kind"])
def test_where_nothing_is_to_be_mixed_all_stays(recipe: MixRecipe) -> None:
    pictures, targets = batch()
    for seed in range(20):
        mixed_pictures, mixed_labels = mixed(pictures, targets, recipe, np.random.default_rng(seed))
        assert mixed_pictures is pictures
        assert mixed_labels is targets


@pytest.mark.parametrize("recipe", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_the_generator_alone_decides_and_inputs_are_unchanged(recipe: MixRecipe) -> None:
    pictures, targets = batch()
    before = pictures.clone(), targets.clone()
    first, second, other = (mixed(pictures, targets, recipe, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(pictures, before[0])
    assert torch.equal(targets, before[1])
