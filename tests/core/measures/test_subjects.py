from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.datasets.dataset import Dataset
from core.errors import BadInput, BadParameter
from core.items import png_bytes
from core.measures.localization import Box
from core.measures.subjects import picture_of, preprocessed_box, subjects
from core.networks.network import Network
from tests.core.measures.pointed import card, looks_at
from tests.support.measured import PATCH, cats_and_dogs


@pytest.fixture
def network() -> Network:
    return looks_at(*PATCH)


def test_only_correctly_classified_pictures_are_selected(network: Network) -> None:
    dataset = cats_and_dogs(each=3)
    labels = dataset.labels.copy()
    labels[[0, 3]] = 1 - labels[[0, 3]]
    mislabeled = replace(dataset, labels=labels)
    right = subjects(network, mislabeled, 10, only_correct=True, small_boxes=False)
    assert sorted(subject.number for subject in right) == [1, 2, 4, 5]
    assert all(subject.target == dataset.labels[subject.number] for subject in right)
    everything = subjects(network, mislabeled, 10, only_correct=False, small_boxes=False)
    assert len(everything) == 6


def test_the_first_of_each_class_come_first_and_training_pictures_never(network: Network) -> None:
    dataset = cats_and_dogs(each=4)
    order = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # all cats, then all dogs
    sorted_ = Dataset(
        dataset.class_names, [dataset.pictures[i] for i in order], dataset.labels[order], np.arange(8) != 0
    )
    selected = subjects(network, sorted_, 4, only_correct=True, small_boxes=False)
    assert [subject.number for subject in selected] == [1, 4, 2, 5]
    assert all(subject.box is None for subject in selected)


def test_large_and_unknown_boxes_can_be_left_out(network: Network) -> None:
    dataset = cats_and_dogs(each=2)
    assert dataset.boxes is not None
    boxes = dataset.boxes.copy()
    boxes[1], boxes[2] = -1, (0, 0, 23, 23)
    selected = subjects(network, replace(dataset, boxes=boxes), 4, only_correct=True, small_boxes=True)
    assert [subject.number for subject in selected] == [0, 3]
    assert selected[0].box == Box(12, 3, 18, 9)


def test_a_data_set_without_suitable_pictures_is_refused(network: Network) -> None:
    dataset = cats_and_dogs(each=2, boxes=False)
    with pytest.raises(BadInput, match="with a box that covers less than half"):
        subjects(network, dataset, 4, only_correct=False, small_boxes=True)
    wrong = replace(dataset, labels=1 - dataset.labels)
    with pytest.raises(BadInput, match="that the network classifies correctly: this data set has none"):
        subjects(network, wrong, 4, only_correct=True, small_boxes=False)
    with pytest.raises(BadParameter, match="a class of local/looks"):
        subjects(network, replace(dataset, class_names=("cat", "bird")), 4, only_correct=True, small_boxes=False)


def test_a_box_is_preprocessed_like_its_picture() -> None:
    network = looks_at(*PATCH)
    network.card = card("looks", 24).model_copy(update={"crop_share": 0.75})  # resized to 32, center crop of 24
    assert preprocessed_box(network, (16, 24, 31, 47), 64, 64) == Box(4, 8, 12, 20)
    assert preprocessed_box(network, (0, 0, 63, 63), 64, 64) == Box(0, 0, 24, 24)
    assert preprocessed_box(network, (0, 0, 4, 63), 64, 64) is None
    assert preprocessed_box(network, (48, 0, 79, 63), 128, 64) == Box(4, 0, 20, 24)


def test_a_picture_of_the_data_set_is_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    dataset = Dataset(("a", "b"), [b"", png_bytes(pixels)], np.array([0, 1]), np.array([True, True]))
    np.testing.assert_array_equal(picture_of(dataset, 1).pixels, pixels)
