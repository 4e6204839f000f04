"""Integrated gradients along the straight path from a baseline to a picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.engine.attribution.backward import gradient

BATCH = 10
"""Points of the path per forward pass."""


def integrated_gradients(
    value: Callable[[Tensor, int], Tensor],
    pictures: Tensor,
    baselines: Tensor,
    steps: int,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Tensor:
    """(x - x0) times the mean gradient on the path from x0 to x, by Gauss-Legendre quadrature: (N, 3, H, W).

    `value(points, times)` returns the values of points in which each picture is repeated `times` times in a row;
    `on_progress` is called with the number of finished and of all passes.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    all_shares, all_weights = (pictures.new_tensor(values) for values in ((nodes + 1) / 2, weights / 2))
    difference, gradient_sum = pictures - baselines, torch.zeros_like(pictures)
    for done, start in enumerate(range(0, steps, BATCH), start=1):
        batch = slice(start, start + BATCH)
        share, weight = (values[batch, None, None, None] for values in (all_shares, all_weights))  # (S, 1, 1, 1)
        path = baselines[:, None] + share * difference[:, None]  # (N, S, 3, H, W)
        points = path.flatten(0, 1).detach().requires_grad_()
        gradients = gradient(value(points, len(share)), points).view(path.shape)
        gradient_sum += (weight * gradients).sum(dim=1)
        on_progress(done, math.ceil(steps / BATCH))
    return difference * gradient_sum
