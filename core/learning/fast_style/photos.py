"""The pictures that a painter learns from: as many of a data set as its steps will show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.datasets.dataset import Dataset
from core.engine.seeding import seed_of
from core.errors import BadInput
from core.learning.pictures import check_memory, class_by_class, squares

SHOWN = 4
"""Held-out pictures that are shown and measured."""


@dataclass(frozen=True, eq=False)
class Photos:
    """Squares in color, (N, 3, S, S) uint8, on the device that learns."""

    training: Tensor
    held_out: Tensor
    """At most `SHOWN`, never learned from"""


def photos(dataset: Dataset, side_px: int, count: int, seed: int, device: torch.device | str) -> Photos:
    """`count` of the pictures to learn from, or all, chosen by the seed; and a few that are held out.

    Raises BadInput without pictures of both parts, and BadParameter where they need too much memory.
    """
    training, held_out = np.flatnonzero(~dataset.held_out), np.flatnonzero(dataset.held_out)
    if not len(training) or not len(held_out):
        raise BadInput("there must be pictures to learn from and others that are held out, to measure with")
    chosen = np.random.default_rng(seed_of(seed)).permutation(training)[:count]
    check_memory(len(chosen) + SHOWN, side_px)
    shown = held_out[class_by_class(dataset.labels[held_out], SHOWN)]
    return Photos(*(squares(dataset.pictures, part, side_px).to(device) for part in (chosen, shown)))
