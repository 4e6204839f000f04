"""Confidence intervals over many pictures: percentile bootstrap (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS = 2000
ALPHA = 0.05


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, 95 % by default."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies on one side of 0; else 0."""
        return (self.low > 0) - (self.high < 0)


def interval(values: Numbers, statistic: Callable[[Numbers], Numbers] | None = None, alpha: float = ALPHA) -> Interval:
    """Confidence interval of a statistic of `values` (N,), or (N, ...) with one row per picture.

    `statistic`: (draws, N, ...) -> (draws,), by default the mean. Rows with nan are left out; draws are reproducible.
    `alpha`: share of draws outside the interval.
    """
    rows = values[~np.isnan(values.reshape(len(values), -1)).any(axis=1)]
    if not len(rows):
        return Interval(float("nan"), float("nan"), float("nan"))
    compute = statistic or (lambda resampled: resampled.mean(axis=1))
    indices = np.random.default_rng(0).integers(len(rows), size=(DRAWS, len(rows)))
    resampled = compute(rows[indices])
    low, high = np.quantile(resampled, [alpha / 2, 1 - alpha / 2])
    return Interval(float(compute(rows[None])[0]), float(low), float(high))


def difference(first: Mapping[str, float], second: Mapping[str, float], comparisons: int = 1) -> Interval:
    """Interval of the mean difference `first` - `second`, paired by picture.

    Both: picture -> value; pictures in both count. `comparisons`: number of simultaneous ones, for Bonferroni's
    correction.
    """
    return interval(
        np.array([first[name] - second[name] for name in first if name in second]), alpha=ALPHA / comparisons
    )
