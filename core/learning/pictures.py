"""Pictures in memory, square and of one size: a data set that fits there is learned from fastest."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps
from torch import Tensor

from core.datasets.dataset import Dataset
from core.errors import BadInput, BadParameter
from core.items import Pixels
from core.media.colors import LUMINANCE

LEAST_PX, MOST_PX = 8, 64
"""Between these is the size that is taken where nobody asks for one."""
MULTIPLE_PX = 4
"""A side can be halved twice, at the least."""
MEMORY_BYTES = 2**32
CHUNK = 1024
MEASURED, MEASURED_VALUES = 2000, 2**25
"""Held-out pictures that measure, and values of all of them, at most."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a data set, gray (C = 1) where all of them are, and their labels."""

    training: Tensor
    """(N, C, S, S) uint8, to learn from"""
    held_out: Tensor
    """(M, C, S, S) uint8, to measure with: the first of each class, then the second of each, and so on"""
    training_labels: Indices
    """(N,) indices into `class_names`"""
    held_out_labels: Indices
    class_names: tuple[str, ...]

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.training.shape[1])

    @property
    def side_px(self) -> int:
        """Of a picture."""
        return int(self.training.shape[-1])

    def some(self, count: int) -> tuple[Tensor, Indices]:
        """At most `count` pictures (K, C, S, S) uint8 and their labels: held-out ones, then others where these are few.

        Each class is there as often as the others, as far as it goes.
        """
        rest = class_by_class(self.training_labels, count - len(self.held_out_labels))
        pictures = torch.cat([self.held_out, self.training[torch.from_numpy(rest)]])[:count]
        return pictures, np.concatenate([self.held_out_labels, self.training_labels[rest]])[:count]


def in_memory(dataset: Dataset, side_px: int | None, device: torch.device | str) -> Pictures:
    """The data set on `device`, its pictures brought to `side_px`, or to their own size where that is None.

    What a picture has more than a square is cut off evenly. Raises BadInput without pictures of both parts, and
    BadParameter where they need too much memory.
    """
    training, held_out = np.flatnonzero(~dataset.held_out), np.flatnonzero(dataset.held_out)
    if not len(training) or not len(held_out):
        raise BadInput("there must be pictures to learn from and others that are held out, to measure with")
    side = side_px or own_side(dataset.pictures)
    check_memory(len(dataset), side)
    labels = dataset.labels
    held_out = held_out[class_by_class(labels[held_out], min(MEASURED, MEASURED_VALUES // (3 * side**2)))]
    parts = [squares(dataset.pictures, chosen, side) for chosen in (training, held_out)]
    gray = all(is_gray(part) for part in parts)
    learned, measured = (with_channels(part, 1 if gray else 3).to(device) for part in parts)
    return Pictures(learned, measured, labels[training], labels[held_out], dataset.class_names)


def squares(pictures: Sequence[bytes], chosen: Indices, side_px: int) -> Tensor:
    """The chosen ones in color, (N, 3, S, S) uint8."""
    found = np.empty((len(chosen), 3, side_px, side_px), np.uint8)
    for place, number in enumerate(chosen.tolist()):
        with PillowImage.open(io.BytesIO(pictures[number])) as image:
            found[place] = square(image, side_px).transpose(2, 0, 1)
    return torch.from_numpy(found)


def check_memory(count: int, side_px: int) -> None:
    """BadParameter where so many pictures would take too much of it."""
    if (needed := count * side_px**2 * 3) > MEMORY_BYTES:
        raise BadParameter(
            f"{count:,} pictures of {side_px} px take {needed / 2**30:.1f} GiB of memory, allowed are "
            f"{MEMORY_BYTES / 2**30:.0f}: take smaller or fewer pictures"
        )


def is_gray(pictures: Tensor) -> bool:
    """Whether all of (N, 3, S, S) uint8 are."""
    return all(bool((chunk == chunk[:, :1]).all()) for chunk in torch.split(pictures, CHUNK))


def with_channels(pictures: Tensor, channels: int) -> Tensor:
    """Pictures (N, 3, S, S) uint8 as they are, or gray by their luminance (ITU-R BT.601): (N, channels, S, S)."""
    if channels == pictures.shape[1]:
        return pictures
    weights = torch.tensor(LUMINANCE).view(1, 3, 1, 1)
    chunks = torch.split(pictures, CHUNK)
    return torch.cat([(chunk * weights).sum(1, keepdim=True).round().byte() for chunk in chunks])


def own_side(pictures: Sequence[bytes]) -> int:
    """The middle one of the pictures' shorter sides, as a multiple of 4 from 8 to 64."""
    sides = []
    for data in pictures:
        with PillowImage.open(io.BytesIO(data)) as image:
            sides.append(min(image.size))
    middle = round(float(np.median(sides)) / MULTIPLE_PX) * MULTIPLE_PX
    return min(max(middle, LEAST_PX), MOST_PX)


def square(image: PillowImage.Image, side_px: int) -> Pixels:
    """The middle of a picture, scaled to (side, side, 3) uint8."""
    return np.asarray(ImageOps.fit(image.convert("RGB"), (side_px, side_px), PillowImage.Resampling.BICUBIC))


def class_by_class(labels: NDArray[Any], count: int) -> Indices:
    """Indices of at most `count` of `labels` (N,): the first of each class, then the second of each, and so on."""
    turn = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        turn[mine] = np.arange(len(mine))
    return np.lexsort((labels, turn))[: max(count, 0)].astype(np.int64)


def as_values(pictures: Tensor) -> Tensor:
    """Pictures (N, C, S, S) uint8 -> float32 in [0, 1]."""
    return pictures.float().div_(255)


def mean_picture(pictures: Tensor) -> Tensor:
    """Of pictures (N, C, S, S) uint8, in [0, 1]: (C, S, S)."""
    total = sum(chunk.double().sum(0) for chunk in torch.split(pictures, CHUNK))
    return (torch.as_tensor(total) / (255 * len(pictures))).float()
