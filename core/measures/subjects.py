"""The pictures of a data set that attributions are measured on, and where their objects are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.datasets.dataset import Dataset
from core.errors import BadInput
from core.measures.localization import Box
from core.media.picture import Picture
from core.networks.network import Network

BATCH = 16
SMALL = 0.5
"""A box that covers less of the picture than this leaves a map room to be wrong."""


@dataclass(frozen=True)
class Subject:
    """A picture of a data set, and what the network says of it."""

    number: int
    """In the data set."""
    answer: int
    """The logit that is greatest: the class that is explained."""
    box: Box | None
    """Of the object in the picture as the network sees it; None where it is unknown, or cut off."""


def subjects(network: Network, dataset: Dataset, count: int, *, only_correct: bool, small_boxes: bool) -> list[Subject]:
    """At most `count` of the held-out pictures, the first of each class, then the second of each.

    `only_correct`: those that the network classifies correctly; `small_boxes`: those whose box is known and covers less
    than half of what the network sees. Raises BadInput where there is none, or (`only_correct`) for an unknown class.
    """
    classes = [network.class_index(name) for name in dataset.class_names] if only_correct else None
    found: list[Subject] = []
    for number, answer in _answers(network, dataset):
        if classes is not None and classes[dataset.labels[number]] != answer:
            continue
        box = _box(network, dataset, number)
        if small_boxes and (box is None or box.area >= SMALL * np.prod(network.card.input_px)):
            continue
        found.append(Subject(number, answer, box))
        if len(found) == count:
            break
    if not found:
        named = " that the network names right" if only_correct else ""
        boxed = ", with a box that covers less than half," if small_boxes else ""
        raise BadInput(f"attributions are measured on held-out pictures{named}{boxed} and this data set has none")
    return found


def picture_of(dataset: Dataset, number: int) -> Picture:
    """One picture of the data set; it was checked when it was read."""
    with PillowImage.open(io.BytesIO(dataset.pictures[number])) as image:
        return Picture.from_pixels(np.asarray(image.convert("RGB")))


def seen_box(network: Network, sides: tuple[int, int, int, int], width: int, height: int) -> Box | None:
    """Where a box of a picture lies in the picture as the network sees it; None where it is cut off.

    `sides`: first column and row, last column and row, in pixels of the picture. A drawing of the box goes the way that
    pictures go, so that this holds for every preparation.
    """
    left, top, right, bottom = sides
    drawn = np.zeros((height, width, 3), np.uint8)
    empty = network.prepare(Picture.from_pixels(drawn.copy()))
    drawn[top : bottom + 1, left : right + 1] = 255
    inside = (network.prepare(Picture.from_pixels(drawn)) - empty)[0].cpu().numpy() > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _box(network: Network, dataset: Dataset, number: int) -> Box | None:
    if dataset.boxes is None or dataset.boxes[number].min() < 0:
        return None
    left, top, right, bottom = dataset.boxes[number].tolist()
    with PillowImage.open(io.BytesIO(dataset.pictures[number])) as image:
        return seen_box(network, (left, top, right, bottom), *image.size)


@torch.inference_mode()
def _answers(network: Network, dataset: Dataset) -> Iterator[tuple[int, int]]:
    """(number, the network's answer) of each held-out picture, one class after the other."""
    order = _one_class_after_the_other(dataset)
    for start in range(0, len(order), BATCH):
        numbers = order[start : start + BATCH].tolist()
        pictures = network.prepare_all([picture_of(dataset, number) for number in numbers])
        yield from zip(numbers, network(pictures).argmax(dim=1).tolist(), strict=True)


def _one_class_after_the_other(dataset: Dataset) -> NDArray[np.intp]:
    """The held-out pictures: the first of each class, then the second of each."""
    held_out = np.flatnonzero(dataset.held_out)
    seen: dict[int, int] = {}
    turns = np.array([_next_turn(seen, label) for label in dataset.labels[held_out].tolist()])
    return held_out[np.argsort(turns, kind="stable")]


def _next_turn(seen: dict[int, int], label: int) -> int:
    """How many of this label came before."""
    seen[label] = seen.get(label, -1) + 1
    return seen[label]
