"""Gradients of one value per picture with respect to its pixels or to a layer."""

from __future__ import annotations

import torch
from torch import Tensor

CLIPPED_SHARE = 0.002
"""Share of a signal's values that may be clipped when it is displayed."""


def gradient(value: Tensor, to: Tensor, *, retain_graph: bool = False) -> Tensor:
    """d `value` / d `to`, shape of `to` (N, ...), for values (N,) that each depend on their own picture alone.

    The backward pass runs no further than `to`. Zero where the values do not depend on `to`. `retain_graph`: as in
    torch.
    """
    if not value.requires_grad:
        return torch.zeros_like(to)
    (gradients,) = torch.autograd.grad(value.sum(), to, retain_graph=retain_graph, allow_unused=True)
    return torch.zeros_like(to) if gradients is None else gradients


def strongest_color(signal: Tensor) -> Tensor:
    """Maximum over colors of the absolute value: (N, 3, H, W) -> (N, H, W)."""
    return signal.abs().amax(dim=1)


def around_gray(signal: Tensor) -> tuple[Tensor, float]:
    """A signal (1, 3, H, W) as a picture around mid-gray, and the factor that scales it to the range [0, 1].

    The strongest few values may lie outside: scaled to a single outlier, all others would be gray.
    """
    scale = float(signal.abs().flatten().quantile(1 - CLIPPED_SHARE))
    factor = 0.5 / scale if scale > 0 else 1.0
    return 0.5 + factor * signal, factor
