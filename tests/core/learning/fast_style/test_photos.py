from __future__ import annotations

import numpy as np
import pytest
import torch

from core.datasets.dataset import Dataset
from core.errors import BadInput, BadParameter
from core.items import png_bytes
from core.learning.fast_style.photos import photos
from tests.support.squares import squares


def test_as_many_photos_are_taken_as_needed_and_the_seed_selects_them() -> None:
    dataset = squares(each=8, held_out=2)
    some, same, other = (photos(dataset, 32, 5, seed, "cpu").training for seed in (0, 0, 1))
    assert some.shape == (5, 3, 32, 32)
    assert torch.equal(some, same)
    assert not torch.equal(some, other)
    assert len(photos(dataset, 32, 10_000, 0, "cpu").training) == 24


def test_displayed_photos_are_held_out_and_of_all_classes() -> None:
    flat = [png_bytes(np.full((8, 8, 3), value, np.uint8)) for value in range(12)]
    labels = np.arange(12) % 3
    displayed = photos(Dataset(("a", "b", "c"), flat, labels, np.arange(12) >= 6), 32, 6, 0, "cpu")
    assert displayed.held_out[:, 0, 0, 0].tolist() == [6, 7, 8, 9]
    assert sorted(displayed.training[:, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4, 5]


def test_too_few_or_too_large_pictures_are_refused_in_one_sentence() -> None:
    dataset = squares(each=4, held_out=2)
    undivided = Dataset(dataset.class_names, dataset.pictures, dataset.labels, np.zeros(len(dataset), np.bool_))
    with pytest.raises(BadInput, match="held-out"):
        photos(undivided, 32, 4, 0, "cpu")
    with pytest.raises(BadParameter, match="memory"):
        photos(dataset, 40_000, 4, 0, "cpu")
