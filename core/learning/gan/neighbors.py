"""Which pictures lie nearest to each other, and how far apart they are, pixel by pixel.

A distance is the root mean square of the differences; a value's range is 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.learning.pictures import as_values

CHUNK = 4096


class Nearest(NamedTuple):
    """Of each picture the nearest one among others."""

    pictures: Tensor
    """(N, C, S, S) in [0, 1]"""
    distances: Tensor
    """(N,)"""


def nearest(pictures: Tensor, among: Tensor) -> Nearest:
    """For each of `pictures` (N, C, S, S) in [0, 1] the nearest of `among` (M, C, S, S) uint8, M at least 1."""
    distances = [_distances(pictures, as_values(chunk)) for chunk in torch.split(among, CHUNK)]
    found = as_values(among[torch.cat(distances, 1).argmin(1)])
    return Nearest(found, (pictures - found).square().mean((1, 2, 3)).sqrt())


def mean_distance(pictures: Tensor) -> float:
    """Between two different ones of `pictures` (N, C, S, S), N at least 2: the mean over all pairs."""
    count = len(pictures)
    return float(_distances(pictures, pictures).fill_diagonal_(0).sum() / (count * (count - 1)))


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """(N, C, S, S), (M, C, S, S) -> (N, M), up to rounding."""
    apart: Tensor = torch.cdist(first.flatten(1), second.flatten(1)) / first[0].numel() ** 0.5
    return apart
