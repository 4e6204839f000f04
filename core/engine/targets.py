"""Logits that an optimization should reach, and the distance to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Target:
    """Logits to reach, weighted; `classes` are their columns, None for all of them in order."""

    values: Tensor
    """(N or 1, K)"""
    weights: Tensor
    """(K,)"""
    classes: Tensor | None = None
    """(K,) int64"""

    def loss(self, logits: Tensor) -> Tensor:
        """mean_k w_k (t_k - y_k)^2 of each row of logits, (N, all classes) -> (N,).

        The mean is over all of the network's classes, those without a target with weight 0: a factor before this loss
        then means the same for few classes and for all.
        """
        selected = logits if self.classes is None else logits[:, self.classes]
        return (self.weights * (self.values - selected).square()).sum(dim=1) / logits.shape[1]


def all_classes(logits: Tensor) -> Target:
    """The logits (N, K) as they are, each class with weight 1."""
    return Target(logits.detach(), torch.ones_like(logits[0]))


def some_classes(goals: Mapping[int, tuple[float, float]], like: Tensor) -> Target:
    """Targets for the classes of `goals` alone: column -> (value, weight); device and dtype are those of `like`."""
    values, weights = zip(*goals.values(), strict=True)
    classes = torch.tensor(list(goals), device=like.device)
    return Target(like.new_tensor([values]), like.new_tensor(weights), classes)
