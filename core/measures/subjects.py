"""Pictures of a data set that attributions are measured on, with the boxes of their objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.datasets.dataset import Dataset
from core.errors import BadInput
from core.measures.localization import Box
from core.media.picture import Picture, decoded, size_of
from core.networks.finite import require_finite
from core.networks.network import Network

BATCH = 16
MAX_SMALL_BOX = 0.5
"""Maximal share of the picture that a small box covers: a map can miss it."""


@dataclass(frozen=True)
class Subject:
    """A picture of a data set, with its predicted class and box."""

    number: int
    """Index in the data set."""
    target: int
    """The top-1 prediction, which is explained."""
    box: Box | None
    """Box of the object in the preprocessed picture; None where it is unknown or cropped away."""


def subjects(network: Network, dataset: Dataset, count: int, *, only_correct: bool, small_boxes: bool) -> list[Subject]:
    """At most `count` of the held-out pictures, the first of each class, then the second of each.

    `only_correct`: correctly classified ones; `small_boxes`: ones with a known box that covers less than half of the
    preprocessed picture. Raises BadInput where there is none, or (`only_correct`) for an unknown class.
    """
    classes = [network.class_index(name) for name in dataset.class_names] if only_correct else None
    selected: list[Subject] = []
    for number, target in _predictions(network, dataset):
        if classes is not None and classes[dataset.labels[number]] != target:
            continue
        box = _box(network, dataset, number)
        if small_boxes and (box is None or box.area >= MAX_SMALL_BOX * np.prod(network.card.input_px)):
            continue
        selected.append(Subject(number, target, box))
        if len(selected) == count:
            break
    if not selected:
        correct = " that the network classifies correctly" if only_correct else ""
        boxed = ", with a box that covers less than half" if small_boxes else ""
        raise BadInput(f"attributions are measured on held-out pictures{correct}{boxed}: this data set has none")
    return selected


def picture_of(dataset: Dataset, number: int) -> Picture:
    """Picture `number` of the data set. Raises BadPicture."""
    return Picture.from_pixels(np.asarray(decoded(dataset.pictures[number], f"picture {number} of the data set")))


def preprocessed_box(network: Network, sides: tuple[int, int, int, int], width: int, height: int) -> Box | None:
    """A box of a picture in the coordinates of the preprocessed picture; None where it is cropped away.

    `sides`: first column and row, last column and row, in pixels of the picture. An image of the box is preprocessed
    like a picture, so that this holds for every preprocessing.
    """
    left, top, right, bottom = sides
    image_of_box = np.zeros((height, width, 3), np.uint8)
    empty = network.prepare(Picture.from_pixels(image_of_box.copy()))
    image_of_box[top : bottom + 1, left : right + 1] = 255
    inside = (network.prepare(Picture.from_pixels(image_of_box)) - empty)[0].cpu().numpy() > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _box(network: Network, dataset: Dataset, number: int) -> Box | None:
    if dataset.boxes is None or dataset.boxes[number].min() < 0:
        return None
    left, top, right, bottom = dataset.boxes[number].tolist()
    width, height = size_of(dataset.pictures[number], f"picture {number} of the data set")
    return preprocessed_box(network, (left, top, right, bottom), width, height)


@torch.inference_mode()
def _predictions(network: Network, dataset: Dataset) -> Iterator[tuple[int, int]]:
    """(number, predicted class) of each held-out picture, classes interleaved."""
    order = _interleaved_by_class(dataset)
    for start in range(0, len(order), BATCH):
        numbers = order[start : start + BATCH].tolist()
        pictures = network.prepare_all([picture_of(dataset, number) for number in numbers])
        yield from zip(numbers, require_finite(network, pictures).argmax(dim=1).tolist(), strict=True)


def _interleaved_by_class(dataset: Dataset) -> NDArray[np.intp]:
    """Indices of the held-out pictures: the first of each class, then the second of each."""
    held_out = np.flatnonzero(dataset.held_out)
    counts: dict[int, int] = {}
    turns = np.array([_next_turn(counts, label) for label in dataset.labels[held_out].tolist()])
    return held_out[np.argsort(turns, kind="stable")]


def _next_turn(counts: dict[int, int], label: int) -> int:
    """Number of earlier pictures with this label; updates `counts`."""
    counts[label] = counts.get(label, -1) + 1
    return counts[label]
