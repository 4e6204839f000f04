"""Nearest neighbors among pictures, by pixels.

A distance is the root mean square of the differences, relative to a range of 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.learning.pictures import as_values

CHUNK = 4096


class Nearest(NamedTuple):
    """Nearest neighbors of pictures."""

    pictures: Tensor
    """(N, C, S, S) in [0, 1]"""
    distances: Tensor
    """(N,)"""


def nearest(pictures: Tensor, candidates: Tensor) -> Nearest:
    """Nearest neighbor of each of `pictures` (N, C, S, S) in [0, 1] in `candidates` (M, C, S, S) uint8, M >= 1."""
    distances = [_distances(pictures, as_values(chunk)) for chunk in torch.split(candidates, CHUNK)]
    neighbors = as_values(candidates[torch.cat(distances, 1).argmin(1)])
    return Nearest(neighbors, (pictures - neighbors).square().mean((1, 2, 3)).sqrt())


def mean_distance(pictures: Tensor) -> float:
    """Mean distance over all pairs of different `pictures` (N, C, S, S), N >= 2."""
    count = len(pictures)
    return float(_distances(pictures, pictures).fill_diagonal_(0).sum() / (count * (count - 1)))


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """Distances (N, M) between pictures (N, C, S, S) and (M, C, S, S), up to rounding."""
    distances: Tensor = torch.cdist(first.flatten(1), second.flatten(1)) / first[0].numel() ** 0.5
    return distances
