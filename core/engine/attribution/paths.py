"""Gradients gathered on the straight way from a reference to a picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.engine.attribution.backward import gradient

AT_ONCE = 10
"""Points of the way that go through the network together."""


def integrated_gradients(
    value: Callable[[Tensor, int], Tensor],
    pictures: Tensor,
    references: Tensor,
    steps: int,
    reached: Callable[[int, int], None] = lambda *_: None,
) -> Tensor:
    """(x - x0) times the mean gradient on the way from x0 to x, by Gauss and Legendre's rule: (N, 3, H, W).

    `value(points, times)` gives the numbers of points in which each picture stands `times` times in a row; `reached`
    is called with how many of how many passes through the network are done.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    shares, parts = (pictures.new_tensor(one) for one in ((nodes + 1) / 2, weights / 2))
    apart, summed = pictures - references, torch.zeros_like(pictures)
    for done, first in enumerate(range(0, steps, AT_ONCE), start=1):
        share, part = (one[first : first + AT_ONCE, None, None, None] for one in (shares, parts))  # (S, 1, 1, 1)
        way = references[:, None] + share * apart[:, None]  # (N, S, 3, H, W)
        points = way.flatten(0, 1).detach().requires_grad_()
        found = gradient(value(points, len(share)), points).view(way.shape)
        summed += (part * found).sum(dim=1)
        reached(done, math.ceil(steps / AT_ONCE))
    return apart * summed
