"""What comes back from a number of each picture: to its pixels, or to a layer."""

from __future__ import annotations

import torch
from torch import Tensor

BEYOND = 0.002
"""Share of a signal's values that may leave the range when it is shown."""


def gradient(value: Tensor, to: Tensor, *, again: bool = False) -> Tensor:
    """d value / d `to`, in the shape of `to` (N, ...), of numbers (N,): each of its own picture alone.

    The backward pass runs no further than `to`. Zero where `to` has no part in the value. `again`: it may be asked
    again of the same pass.
    """
    if not value.requires_grad:
        return torch.zeros_like(to)
    (found,) = torch.autograd.grad(value.sum(), to, retain_graph=again, allow_unused=True)
    return torch.zeros_like(to) if found is None else found


def strongest_color(signal: Tensor) -> Tensor:
    """The greatest absolute value over the colors: (N, 3, H, W) -> (N, H, W)."""
    return signal.abs().amax(dim=1)


def around_gray(signal: Tensor) -> tuple[Tensor, float]:
    """A signal (1, 3, H, W) as a picture around mid-gray, and the factor by which it is magnified to fill the range.

    The strongest few values may leave it: one of them alone would leave all others gray.
    """
    strong = float(signal.abs().flatten().quantile(1 - BEYOND))
    factor = 0.5 / strong if strong > 0 else 1.0
    return 0.5 + factor * signal, factor
