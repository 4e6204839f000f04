"""Pictures in memory, square and of one size, for fast training on data sets that fit."""

from __future__ import annotations

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
from core.media.picture import decoded, size_of

MIN_SIDE_PX, MAX_SIDE_PX = 8, 64
"""Range of the default size."""
MULTIPLE_PX = 4
"""Sides are multiples of this, so that they can be halved twice."""
MEMORY_BYTES = 2**32
CHUNK = 1024
MAX_HELD_OUT, MAX_HELD_OUT_VALUES = 2000, 2**25
"""Maximal number of held-out pictures to evaluate on, and of their values in total."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a data set, gray (C = 1) if all of them are, and their labels."""

    training: Tensor
    """(N, C, S, S) uint8"""
    held_out: Tensor
    """(M, C, S, S) uint8, classes interleaved: the first of each class, then the second of each, and so on."""
    training_labels: Indices
    """(N,) indices into `class_names`."""
    held_out_labels: Indices
    class_names: tuple[str, ...]

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.training.shape[1])

    @property
    def side_px(self) -> int:
        """Side of a picture in pixels."""
        return int(self.training.shape[-1])

    def sample(self, count: int) -> tuple[Tensor, Indices]:
        """At most `count` pictures (K, C, S, S) uint8 and their labels: held-out ones first, then training ones.

        Classes are balanced as far as their sizes allow.
        """
        further = interleaved_by_class(self.training_labels, count - len(self.held_out_labels))
        pictures = torch.cat([self.held_out, self.training[torch.from_numpy(further)]])[:count]
        return pictures, np.concatenate([self.held_out_labels, self.training_labels[further]])[:count]


def split(dataset: Dataset) -> tuple[Indices, Indices]:
    """Indices of the training and of the held-out pictures. Raises BadInput where either is empty."""
    training, held_out = np.flatnonzero(~dataset.held_out), np.flatnonzero(dataset.held_out)
    if not len(training) or not len(held_out):
        raise BadInput("the data set must have training pictures and held-out pictures")
    return training, held_out


def in_memory(dataset: Dataset, side_px: int | None, device: torch.device | str) -> Pictures:
    """The data set on `device`, pictures cropped to center squares of `side_px`, or of `median_side` where it is None.

    Raises BadInput without training or held-out pictures, and BadParameter where they need too much memory.
    """
    training, held_out = split(dataset)
    side = side_px or median_side(dataset.pictures)
    check_memory(len(dataset), side)
    labels = dataset.labels
    held_out = held_out[interleaved_by_class(labels[held_out], min(MAX_HELD_OUT, MAX_HELD_OUT_VALUES // (3 * side**2)))]
    parts = [center_crops(dataset.pictures, indices, side) for indices in (training, held_out)]
    gray = all(is_gray(part) for part in parts)
    training_pictures, held_out_pictures = (with_channels(part, 1 if gray else 3).to(device) for part in parts)
    return Pictures(training_pictures, held_out_pictures, labels[training], labels[held_out], dataset.class_names)


def center_crops(pictures: Sequence[bytes], indices: Indices, side_px: int) -> Tensor:
    """Center crops of the pictures at `indices`, in color, (N, 3, S, S) uint8."""
    crops = np.empty((len(indices), 3, side_px, side_px), np.uint8)
    for row, index in enumerate(indices.tolist()):
        image = decoded(pictures[index], f"picture {index} of the data set")
        crops[row] = center_crop(image, side_px).transpose(2, 0, 1)
    return torch.from_numpy(crops)


def check_memory(count: int, side_px: int) -> None:
    """Raises BadParameter where `count` pictures would need too much memory."""
    if (needed_bytes := count * side_px**2 * 3) > MEMORY_BYTES:
        raise BadParameter(
            f"{count:,} pictures of {side_px} px take {needed_bytes / 2**30:.1f} GiB of memory, at most "
            f"{MEMORY_BYTES / 2**30:.0f} GiB are allowed: use smaller or fewer pictures"
        )


def is_gray(pictures: Tensor) -> bool:
    """Whether all pictures (N, 3, S, S) uint8 are gray."""
    return all(bool((chunk == chunk[:, :1]).all()) for chunk in torch.split(pictures, CHUNK))


def with_channels(pictures: Tensor, channels: int) -> Tensor:
    """Pictures (N, 3, S, S) uint8 in color, or their luminance (ITU-R BT.601): (N, channels, S, S) uint8."""
    if channels == pictures.shape[1]:
        return pictures
    weights = torch.tensor(LUMINANCE).view(1, 3, 1, 1)
    chunks = torch.split(pictures, CHUNK)
    return torch.cat([(chunk * weights).sum(1, keepdim=True).round().byte() for chunk in chunks])


def median_side(pictures: Sequence[bytes]) -> int:
    """Median of the pictures' shorter sides, rounded to a multiple of 4, from 8 to 64 px."""
    sides = [min(size_of(data, f"picture {index} of the data set")) for index, data in enumerate(pictures)]
    median = round(float(np.median(sides)) / MULTIPLE_PX) * MULTIPLE_PX
    return min(max(median, MIN_SIDE_PX), MAX_SIDE_PX)


def center_crop(image: PillowImage.Image, side_px: int) -> Pixels:
    """The center square of a picture, resized to (side_px, side_px, 3) uint8."""
    return np.asarray(ImageOps.fit(image.convert("RGB"), (side_px, side_px), PillowImage.Resampling.BICUBIC))


def interleaved_by_class(labels: NDArray[Any], count: int) -> Indices:
    """Indices of at most `count` of `labels` (N,): the first of each class, then the second of each, and so on."""
    turns = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        turns[members] = np.arange(len(members))
    return np.lexsort((labels, turns))[: max(count, 0)].astype(np.int64)


def as_values(pictures: Tensor) -> Tensor:
    """Pictures (N, C, S, S) uint8 -> float32 in [0, 1]."""
    return pictures.float().div_(255)


def mean_picture(pictures: Tensor) -> Tensor:
    """Mean of pictures (N, C, S, S) uint8, in [0, 1]: (C, S, S)."""
    total = sum(chunk.double().sum(0) for chunk in torch.split(pictures, CHUNK))
    return (torch.as_tensor(total) / (255 * len(pictures))).float()
