"""Pictures to train a painter on: as many of a data set as the steps need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.datasets.dataset import Dataset
from core.engine.seeding import seed_of
from core.learning.pictures import center_crops, check_memory, interleaved_by_class, split

HELD_OUT = 4
"""Number of held-out pictures for display and evaluation."""


@dataclass(frozen=True, eq=False)
class Photos:
    """Center crops in color, (N, 3, S, S) uint8, on the device of the training."""

    training: Tensor
    held_out: Tensor
    """At most `HELD_OUT` pictures that are not used in training."""


def photos(dataset: Dataset, side_px: int, count: int, seed: int, device: torch.device | str) -> Photos:
    """`count` random training pictures, or all, chosen by the seed, and a few held-out ones.

    Raises BadInput without training or held-out pictures, and BadParameter where they need too much memory.
    """
    training, held_out = split(dataset)
    selected = np.random.default_rng(seed_of(seed)).permutation(training)[:count]
    check_memory(len(selected) + HELD_OUT, side_px)
    displayed = held_out[interleaved_by_class(dataset.labels[held_out], HELD_OUT)]
    return Photos(*(center_crops(dataset.pictures, part, side_px).to(device) for part in (selected, displayed)))
