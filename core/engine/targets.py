"""What the network's answer should be, and how far it is from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Target:
    """Answers to come near to, weighted; `classes` are their columns, None for all of them in order."""

    values: Tensor
    """(N or 1, K)"""
    weights: Tensor
    """(K,)"""
    classes: Tensor | None = None
    """(K,) int64"""

    def loss(self, answer: Tensor) -> Tensor:
        """mean_k w_k (t_k - y_k)^2 of each answer, (N, all classes) -> (N,).

        The mean is over all of the network's classes, those that are not asked for with weight 0: so a factor before
        this loss means the same whether few classes are asked for or all.
        """
        asked = answer if self.classes is None else answer[:, self.classes]
        return (self.weights * (self.values - asked).square()).sum(dim=1) / answer.shape[1]


def kept(answer: Tensor) -> Target:
    """The answer (N, K) as it is, every class weighing 1."""
    return Target(answer.detach(), torch.ones_like(answer[0]))


def chosen(goals: Mapping[int, tuple[float, float]], like: Tensor) -> Target:
    """Only the classes named in `goals`: column -> (value, weight). On the device and in the type of `like`."""
    values, weights = zip(*goals.values(), strict=True)
    classes = torch.tensor(list(goals), device=like.device)
    return Target(like.new_tensor([values]), like.new_tensor(weights), classes)
