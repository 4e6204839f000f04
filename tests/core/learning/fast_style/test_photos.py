from __future__ import annotations

import numpy as np
import pytest
import torch

from core.datasets.dataset import Dataset
from core.errors import BadInput, BadParameter
from core.items import png_bytes
from core.learning.fast_style.photos import photos
from tests.support.squares import squares


def test_no_more_are_taken_than_are_shown_and_the_seed_chooses_which() -> None:
    dataset = squares(each=8, held_out=2)
    some, same, others = (photos(dataset, 32, 5, seed, "cpu").training for seed in (0, 0, 1))
    assert some.shape == (5, 3, 32, 32)
    assert torch.equal(some, same)
    assert not torch.equal(some, others)
    assert len(photos(dataset, 32, 10_000, 0, "cpu").training) == 24


def test_those_that_are_shown_are_held_out_ones_of_all_classes() -> None:
    flat = [png_bytes(np.full((8, 8, 3), value, np.uint8)) for value in range(12)]
    labels = np.arange(12) % 3
    shown = photos(Dataset(("a", "b", "c"), flat, labels, np.arange(12) >= 6), 32, 6, 0, "cpu")
    assert shown.held_out[:, 0, 0, 0].tolist() == [6, 7, 8, 9]
    assert sorted(shown.training[:, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4, 5]


def test_too_few_or_too_large_pictures_are_one_sentence() -> None:
    dataset = squares(each=4, held_out=2)
    alone = Dataset(dataset.class_names, dataset.pictures, dataset.labels, np.zeros(len(dataset), np.bool_))
    with pytest.raises(BadInput, match="held out"):
        photos(alone, 32, 4, 0, "cpu")
    with pytest.raises(BadParameter, match="memory"):
        photos(dataset, 40_000, 4, 0, "cpu")
