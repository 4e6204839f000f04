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

RECIPE = ViewRecipe(16, 16, least_crop=0.4, flip=True, magnitude=5)
PLAIN = ViewRecipe(16, 16, least_crop=1, flip=False, magnitude=0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return squares(each=5, held_out=2)


@pytest.fixture(scope="module")
def examples(dataset: Dataset) -> Examples:
    return Examples(dataset, 16, 16)


def views_of(examples: Examples, recipe: ViewRecipe = RECIPE, seed: int = 0, distinct: int = 0) -> Views:
    return Views(examples, recipe, 4, seed, distinct, CPU)


def shown(views: Views, epoch: int, first: int = 0) -> list[tuple[int, Tensor, Tensor]]:
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
    in_order = [shown(views_of(examples), epoch) for epoch in range(3)]
    assert globals_now() == before
    stir()
    others = views_of(Examples(dataset, 16, 16))
    backwards = [shown(others, epoch) for epoch in (2, 1, 0)][::-1]
    assert all(same(one, other) for one, other in zip(in_order, backwards, strict=True))
    assert same(shown(others, 1, first=2), in_order[1][2:])
    assert shown(others, 1, first=len(in_order[1])) == []


def test_another_seed_epoch_or_batch_is_another_view(examples: Examples) -> None:
    batches = [
        pictures.numpy().tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
        for _, pictures, _ in shown(views_of(examples, seed=seed), epoch)
    ]
    assert len(set(batches)) == len(batches) == 2 * 2 * 3


def test_an_epoch_shows_each_picture_at_most_once_and_none_that_is_held_out(dataset: Dataset) -> None:
    grays = [png_bytes(np.full((8, 8, 3), 10 * index, np.uint8)) for index in range(len(dataset))]
    examples = Examples(replace(dataset, pictures=grays), 16, 16)
    left_out = set()
    for epoch in range(8):
        found = [int(one[0, 0, 0]) // 10 for _, batch, _ in shown(views_of(examples, PLAIN), epoch) for one in batch]
        assert len(found) == len(set(found)) == 12  # of 15, in batches of 4
        assert set(found) <= set(np.flatnonzero(~dataset.held_out).tolist())
        left_out |= set(range(15)) - set(found)
    assert len(left_out) > 6  # not the same three each time


def test_labels_belong_to_their_pictures(examples: Examples) -> None:
    for _, pictures, labels in shown(views_of(examples, PLAIN), 0):
        assert torch.equal(pictures.float().mean(dim=(2, 3)).argmax(dim=1), labels)


def test_views_come_again_after_so_many_epochs_and_never_where_none_are_named(examples: Examples) -> None:
    twice, never = views_of(examples, distinct=2), views_of(examples)
    first, second, third = (shown(twice, epoch) for epoch in range(3))
    assert same(first, third)
    assert not same(first, second)
    assert same(first, shown(never, 0))
    assert not same(first, shown(never, 2))


@pytest.mark.parametrize("room", [0, 1, 10], ids=["nothing", "one epoch", "all"])
def test_what_is_kept_in_memory_changes_nothing(dataset: Dataset, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    plain = [shown(views_of(Examples(dataset, 16, 16), distinct=2), epoch) for epoch in range(2)]
    monkeypatch.setattr(views, "KEPT_BYTES", room * 16 * 16 * 3 * 15)
    monkeypatch.setattr(views, "DECODED_BYTES", room * 3000)
    kept = views_of(Examples(dataset, 16, 16), distinct=2)
    assert same(shown(kept, 0, first=1), plain[0][1:])
    for epoch in (0, 1, 2, 3):
        assert same(shown(kept, epoch), plain[epoch % 2])
        assert same(shown(kept, epoch, first=2), plain[epoch % 2][2:])


def test_kept_views_are_made_once(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = views_of(examples, distinct=1)
    first = shown(kept, 0)
    monkeypatch.setattr(Examples, "picture", lambda *_: pytest.fail("a view was made again"))
    assert same(shown(kept, 5), first)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # this process has threads, and they are idle
@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # on a machine with one core
def test_processes_beside_show_the_same(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = shown(views_of(examples), 0)
    monkeypatch.setattr(views, "spare_cores", lambda _device: 2)
    before = globals_now()
    assert same(shown(views_of(examples), 0), alone)
    assert same(shown(views_of(examples), 0, first=1), alone[1:])
    assert globals_now() == before


def test_held_out_pictures_are_what_the_trained_network_will_see_of_them(dataset: Dataset) -> None:
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
def test_pictures_of_any_mode_are_shown_in_three_colors(dataset: Dataset, mode: str, tmp_path: Any) -> None:
    path = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    PillowImage.effect_noise((20, 20), 80).convert("RGB").convert(mode).save(path)
    examples = Examples(replace(dataset, pictures=[path.read_bytes()] * 21), 16, 16)
    assert examples.held_out.shape == (6, 3, 16, 16)
    assert shown(views_of(examples), 0)[0][1].shape == (4, 3, 16, 16)


def plain_views(examples: Examples, **changes: Any) -> Iterator[Tensor]:
    for epoch in range(10):
        for _, pictures, _ in shown(views_of(examples, replace(PLAIN, **changes)), epoch):
            yield from pictures


@pytest.fixture(scope="module")
def ramp(dataset: Dataset) -> Examples:
    """Pictures that grow brighter to the right, 0 to 240."""
    line = np.tile(np.arange(16, dtype=np.uint8) * 16, (16, 1))
    return Examples(replace(dataset, pictures=[png_bytes(np.stack([line] * 3, axis=-1))] * 21), 16, 16)


def test_a_plain_recipe_shows_pictures_as_they_are(ramp: Examples) -> None:
    assert all(torch.equal(view[0, 3], torch.arange(16, dtype=torch.uint8) * 16) for view in plain_views(ramp))


def test_the_same_picture_is_altered_anew_in_every_batch_and_epoch(dataset: Dataset) -> None:
    one = Examples(replace(dataset, pictures=[dataset.pictures[0]] * 21), 16, 16)
    found = [view.numpy().tobytes() for view in plain_views(one, least_crop=0.2, flip=True)]
    assert len(set(found)) > 0.9 * len(found)


def test_half_of_the_pictures_are_mirrored(ramp: Examples) -> None:
    mirrored = [bool(view[0, 0, 0] > view[0, 0, -1]) for view in plain_views(ramp, flip=True)]
    assert len(mirrored) == 120
    assert 40 < sum(mirrored) < 80


@pytest.mark.parametrize("least", [0.2, 0.6])
def test_a_crop_keeps_at_least_its_share(ramp: Examples, least: float) -> None:
    """What is seen of the ramp's width; a crop's sides are in a ratio of 3 to 4 at the most."""
    widths = [(int(view.max()) - int(view.min())) / 240 for view in plain_views(ramp, least_crop=least)]
    assert min(widths) > (least * 3 / 4) ** 0.5 - 0.15
    assert min(widths) < 0.9
    assert max(widths) > 0.9


def test_a_stronger_alteration_alters_more(examples: Examples) -> None:
    plain = torch.stack(list(plain_views(examples))).float()
    strength = [
        float((torch.stack(list(plain_views(examples, magnitude=magnitude))).float() - plain).abs().mean())
        for magnitude in (0, 2, 9)
    ]
    assert strength[0] == 0
    assert 0 < strength[1] < strength[2]


def test_the_digest_is_of_all_that_decides_an_epochs_views(examples: Examples) -> None:
    recipes = [RECIPE, *(replace(RECIPE, **change) for change in ({"width": 20}, {"least_crop": 0.5}, {"flip": False}))]
    digests = [views_of(examples, recipe).epoch(0).digest for recipe in (*recipes, replace(RECIPE, magnitude=4))]
    digests += [views_of(examples).epoch(1).digest, views_of(examples, seed=1).epoch(0).digest]
    digests += [Views(examples, RECIPE, 6, 0, 0, CPU).epoch(0).digest]
    assert len(set(digests)) == len(digests)
    assert views_of(examples, distinct=3).epoch(4).digest == views_of(examples).epoch(1).digest
