"""Accuracy of predictions, in which ties and outputs that are not finite earn nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import ComputationFailed


def top_shares(logits: Tensor, labels: Tensor, count: int = 1) -> Tensor:
    """How far each label (N,) is among the `count` highest of its logits (N, K): (N,) float64 in [0, 1].

    Equal logits are in random order: a label that is tied counts by the probability that it is among the highest.
    Raises ComputationFailed where a logit is not finite.
    """
    if not torch.isfinite(logits).all():
        raise ComputationFailed("the network's output is not finite: it predicts no class")
    own = logits.gather(1, labels[:, None])
    higher, equal = (logits > own).sum(dim=1), (logits == own).sum(dim=1)  # the label itself is equal
    shares: Tensor = ((count - higher).double() / equal).clamp(0, 1)
    return shares
