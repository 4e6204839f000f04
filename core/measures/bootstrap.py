"""How sure a number over many pictures is: percentile intervals of the bootstrap (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS = 2000
OUTSIDE = 0.05


@dataclass(frozen=True)
class Interval:
    """An estimate, and between which values it lies in most draws: 95 of 100, if nothing else is said."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where all of it lies on one side of 0; else 0."""
        return (self.low > 0) - (self.high < 0)


def interval(
    values: Numbers, statistic: Callable[[Numbers], Numbers] | None = None, outside: float = OUTSIDE
) -> Interval:
    """The interval of a statistic of `values` (N,), or (N, ...) where each row belongs to one picture.

    `statistic` takes (draws, N, ...) and gives (draws,); without one it is the mean. Rows with a nan do not count. The
    draws are always the same ones. `outside`: the share of draws that may lie outside.
    """
    rows = values[~np.isnan(values.reshape(len(values), -1)).any(axis=1)]
    if not len(rows):
        return Interval(float("nan"), float("nan"), float("nan"))
    measure = statistic or (lambda drawn: drawn.mean(axis=1))
    picks = np.random.default_rng(0).integers(len(rows), size=(DRAWS, len(rows)))
    drawn = measure(rows[picks])
    low, high = np.quantile(drawn, [outside / 2, 1 - outside / 2])
    return Interval(float(measure(rows[None])[0]), float(low), float(high))


def difference(one: Mapping[str, float], other: Mapping[str, float], comparisons: int = 1) -> Interval:
    """How much greater the numbers of `one` are than those of `other`, picture by picture, in the mean.

    Both are by picture; those count that have a number in both. Of so many `comparisons` that are made at once all
    intervals together hold in 95 of 100 draws (Bonferroni).
    """
    return interval(np.array([one[name] - other[name] for name in one if name in other]), outside=OUTSIDE / comparisons)
