from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from torch import Tensor, nn

from core.datasets.dataset import Dataset
from core.items import png_bytes
from core.learning.classifier import views
from core.learning.classifier.views import Examples, ViewRecipe, Views
from core.media.picture import Picture
from core.networks.card import NetworkCard
from core.networks.network import Network
from tests.support.squares import squares

RECIPE = ViewRecipe(16, 16, min_crop=0.4, flip=True, magnitude=5)
PLAIN = ViewRecipe(16, 16, min_crop=1, flip=False, magnitude=0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return squares(each=5, held_out=2)


@pytest.fixture(scope="module")
def examples(dataset: Dataset) -> Examples:
    return Examples(dataset, 16, 16)


def views_of(examples: Examples, recipe: ViewRecipe = RECIPE, seed: int = 0, distinct: int = 0) -> Views:
    return Views(examples, recipe, 4, seed, distinct, CPU)


def batches_of(views: Views, epoch: int, first: int = 0) -> list[tuple[int, Tensor, Tensor]]:
    return [(number, pictures, labels) for number, (pictures, labels) in views.batches(epoch, first)]


def same(first: list[tuple[int, Tensor, Tensor]], second: list[tuple[int, Tensor, Tensor]]) -> bool:
    return len(first) == len(second) and all(
        a[0] == b[0] and torch.equal(a[1], b[1]) and torch.equal(a[2], b[2]) for a, b in zip(first, second, strict=True)
    )


def globals_now() -> tuple[Any, ...]:
    return random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


def stir() -> None:
    """Leave the global generators somewhere else."""
    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.seed()


def test_views_depend_on_seed_epoch_and_batch_alone(examples: Examples, dataset: Dataset) -> None:
    before = globals_now()
    in_order = [batches_of(views_of(examples), epoch) for epoch in range(3)]
    assert globals_now() == before
    stir()
    other_views = views_of(Examples(dataset, 16, 16))
    backwards = [batches_of(other_views, epoch) for epoch in (2, 1, 0)][::-1]
    assert all(same(one, other) for one, other in zip(in_order, backwards, strict=True))
    assert same(batches_of(other_views, 1, first=2), in_order[1][2:])
    assert batches_of(other_views, 1, first=len(in_order[1])) == []


def test_another_seed_epoch_or_batch_is_another_view(examples: Examples) -> None:
    batches = [
        pictures.numpy().tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
        for _, pictures, _ in batches_of(views_of(examples, seed=seed), epoch)
    ]
    assert len(set(batches)) == len(batches) == 2 * 2 * 3


def test_an_epoch_has_each_training_picture_at_most_once_and_no_held_out_one(dataset: Dataset) -> None:
    grays = [png_bytes(np.full((8, 8, 3), 10 * index, np.uint8)) for index in range(len(dataset))]
    examples = Examples(replace(dataset, pictures=grays), 16, 16)
    left_out = set()
    for epoch in range(8):
        result = [
            int(one[0, 0, 0]) // 10 for _, batch, _ in batches_of(views_of(examples, PLAIN), epoch) for one in batch
        ]
        assert len(result) == len(set(result)) == 12  # of 15, in batches of 4
        assert set(result) <= set(np.flatnonzero(~dataset.held_out).tolist())
        left_out |= set(range(15)) - set(result)
    assert len(left_out) > 6  # not the same three each time


def test_labels_belong_to_their_pictures(examples: Examples) -> None:
    for _, pictures, labels in batches_of(views_of(examples, PLAIN), 0):
        assert torch.equal(pictures.float().mean(dim=(2, 3)).argmax(dim=1), labels)


def test_views_repeat_after_the_distinct_epochs_or_never(examples: Examples) -> None:
    twice, never = views_of(examples, distinct=2), views_of(examples)
    first, second, third = (batches_of(twice, epoch) for epoch in range(3))
    assert same(first, third)
    assert not same(first, second)
    assert same(first, batches_of(never, 0))
    assert not same(first, batches_of(never, 2))


@pytest.mark.parametrize("room", [0, 1, 10], ids=["nothing", "one epoch", "all"])
def test_caching_changes_nothing(dataset: Dataset, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    plain = [batches_of(views_of(Examples(dataset, 16, 16), distinct=2), epoch) for epoch in range(2)]
    monkeypatch.setattr(views, "CACHE_BYTES", room * 16 * 16 * 3 * 15)
    monkeypatch.setattr(views, "DECODED_BYTES", room * 3000)
    cached = views_of(Examples(dataset, 16, 16), distinct=2)
    assert same(batches_of(cached, 0, first=1), plain[0][1:])
    for epoch in (0, 1, 2, 3):
        assert same(batches_of(cached, epoch), plain[epoch % 2])
        assert same(batches_of(cached, epoch, first=2), plain[epoch % 2][2:])


def test_cached_views_are_computed_once(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = views_of(examples, distinct=1)
    first = batches_of(cached, 0)
    monkeypatch.setattr(Examples, "picture", lambda *_: pytest.fail("a view was made again"))
    assert same(batches_of(cached, 5), first)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # this process has threads, and they are idle
@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # on a machine with one core
def test_worker_processes_give_the_same_views(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = batches_of(views_of(examples), 0)
    monkeypatch.setattr(views, "spare_cores", lambda _device: 2)
    before = globals_now()
    assert same(batches_of(views_of(examples), 0), expected)
    assert same(batches_of(views_of(examples), 0, first=1), expected[1:])
    assert globals_now() == before


def test_held_out_pictures_are_preprocessed_as_for_inference(dataset: Dataset) -> None:
    card = NetworkCard(
        name="local/x", identity="local/x#1", family="cnn", architecture="x", input_px=(16, 16), class_names=(),
        parameters=1, license="none", source="nowhere", crop_share=1.0, interpolation="bicubic",
    )  # fmt: skip
    network = Network(card, nn.Identity(), "0" * 64)
    wide = [png_bytes(np.random.default_rng(index).integers(0, 255, (24, 40, 3), np.uint8)) for index in range(21)]
    examples = Examples(replace(dataset, pictures=wide), 16, 16)
    assert examples.held_out.dtype == torch.uint8
    assert examples.held_out_labels.tolist() == [0, 1, 2, 0, 1, 2]
    for one, index in zip(examples.held_out, np.flatnonzero(dataset.held_out), strict=True):
        picture = Picture.from_pixels(np.asarray(examples.picture(int(index))))
        assert torch.equal(one.float() / 255, network.prepare(picture))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_pictures_of_any_mode_become_rgb(dataset: Dataset, mode: str, tmp_path: Any) -> None:
    path = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    PillowImage.effect_noise((20, 20), 80).convert("RGB").convert(mode).save(path)
    examples = Examples(replace(dataset, pictures=[path.read_bytes()] * 21), 16, 16)
    assert examples.held_out.shape == (6, 3, 16, 16)
    assert batches_of(views_of(examples), 0)[0][1].shape == (4, 3, 16, 16)


def plain_views(examples: Examples, **changes: Any) -> Iterator[Tensor]:
    for epoch in range(10):
        for _, pictures, _ in batches_of(views_of(examples, replace(PLAIN, **changes)), epoch):
            yield from pictures


@pytest.fixture(scope="module")
def ramp(dataset: Dataset) -> Examples:
    """Pictures that grow brighter to the right, 0 to 240."""
    line = np.tile(np.arange(16, dtype=np.uint8) * 16, (16, 1))
    return Examples(replace(dataset, pictures=[png_bytes(np.stack([line] * 3, axis=-1))] * 21), 16, 16)


def test_a_plain_recipe_leaves_pictures_unchanged(ramp: Examples) -> None:
    assert all(torch.equal(view[0, 3], torch.arange(16, dtype=torch.uint8) * 16) for view in plain_views(ramp))


def test_a_picture_is_augmented_differently_in_every_batch_and_epoch(dataset: Dataset) -> None:
    one = Examples(replace(dataset, pictures=[dataset.pictures[0]] * 21), 16, 16)
    result = [view.numpy().tobytes() for view in plain_views(one, min_crop=0.2, flip=True)]
    assert len(set(result)) > 0.9 * len(result)


def test_half_of_the_pictures_are_mirrored(ramp: Examples) -> None:
    mirrored = [bool(view[0, 0, 0] > view[0, 0, -1]) for view in plain_views(ramp, flip=True)]
    assert len(mirrored) == 120
    assert 40 < sum(mirrored) < 80


@pytest.mark.parametrize("min_share", [0.2, 0.6])
def test_a_crop_keeps_at_least_its_share(ramp: Examples, min_share: float) -> None:
    """Visible widths of the ramp; the sides of a crop have a ratio of 3 to 4 at most."""
    widths = [(int(view.max()) - int(view.min())) / 240 for view in plain_views(ramp, min_crop=min_share)]
    assert min(widths) > (min_share * 3 / 4) ** 0.5 - 0.15
    assert min(widths) < 0.9
    assert max(widths) > 0.9


def test_a_larger_magnitude_changes_more(examples: Examples) -> None:
    plain = torch.stack(list(plain_views(examples))).float()
    strength = [
        float((torch.stack(list(plain_views(examples, magnitude=magnitude))).float() - plain).abs().mean())
        for magnitude in (0, 2, 9)
    ]
    assert strength[0] == 0
    assert 0 < strength[1] < strength[2]


def test_the_digest_covers_everything_that_determines_an_epoch_s_views(examples: Examples) -> None:
    recipes = [RECIPE, *(replace(RECIPE, **change) for change in ({"width": 20}, {"min_crop": 0.5}, {"flip": False}))]
    digests = [views_of(examples, recipe).epoch(0).digest for recipe in (*recipes, replace(RECIPE, magnitude=4))]
    digests += [views_of(examples).epoch(1).digest, views_of(examples, seed=1).epoch(0).digest]
    digests += [Views(examples, RECIPE, 6, 0, 0, CPU).epoch(0).digest]
    assert len(set(digests)) == len(digests)
    assert views_of(examples, distinct=3).epoch(4).digest == views_of(examples).epoch(1).digest
