"""How sure a number over many pictures is: percentile intervals of the bootstrap (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate, and between which values it lies in 95 of 100 draws."""

    value: float
    low: float
    high: float

    def apart(self, other: Interval) -> bool:
        """Whether the two intervals have no value in common."""
        return self.low > other.high or other.low > self.high


def interval(values: Numbers, statistic: Callable[[Numbers], Numbers] | None = None) -> Interval:
    """The interval of a statistic of `values` (N,), or (N, ...) where each row belongs to one picture.

    `statistic` takes (draws, N, ...) and gives (draws,); without one it is the mean. Rows with a nan do not count. The
    draws are always the same ones, so that two statistics of the same pictures are compared on the same draws.
    """
    rows = values[~np.isnan(values.reshape(len(values), -1)).any(axis=1)]
    if not len(rows):
        return Interval(float("nan"), float("nan"), float("nan"))
    measure = statistic or (lambda drawn: drawn.mean(axis=1))
    picks = np.random.default_rng(0).integers(len(rows), size=(DRAWS, len(rows)))
    drawn = measure(rows[picks])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(measure(rows[None])[0]), float(low), float(high))
