"""Confidence intervals over pictures: of a mean, a share, a ratio of shares, and a paired difference of means.

All are closed forms, without random draws. NumPy and SciPy only, so that pages and command line need no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64]
Bounds = tuple[float, float]

ALPHA = 0.05
MIN_PICTURES = 10
"""Pictures that a verdict needs: an interval over fewer rests on the normal distribution alone."""
NO_PICTURE = "no picture has a value"
ONE_PICTURE = "one picture has no spread"
NO_SPREAD = "all pictures have the same value"
UNBOUNDED: Bounds = (-math.inf, math.inf)


@dataclass(frozen=True)
class Interval:
    """An estimate over pictures with its confidence interval, 95 % by default.

    `reason`: why `value`, or `low` and `high`, are None, without a full stop; empty where they are numbers.
    """

    value: float | None
    low: float | None
    high: float | None
    pictures: int
    """Number of pictures with a value."""
    reason: str = ""

    @property
    def sign(self) -> int:
        """`side_of(0)`."""
        return self.side_of(0.0)

    @property
    def too_few(self) -> bool:
        """Whether there are fewer than `MIN_PICTURES`, which decide nothing."""
        return self.pictures < MIN_PICTURES

    def side_of(self, threshold: float) -> int:
        """1 or -1 where the whole interval lies above or below `threshold`; 0 else, and for too few pictures."""
        if self.value is None or self.too_few:
            return 0
        if self.low is None or self.high is None:  # all the same: by the sign test, as 2 ** (1 - 10) is 1 in 512
            return (self.value > threshold) - (self.value < threshold)
        return (self.low > threshold) - (self.high < threshold)


def interval(values: Numbers, alpha: float = ALPHA, bounds: Bounds = UNBOUNDED) -> Interval:
    """Interval of the mean of `values` (N,), with nan for a picture that has none.

    The wider end, on each side, of Student's t interval and of the same corrected for skewness (Hall 1992). `alpha`:
    probability that the interval misses the mean; `bounds`: least and greatest possible value.
    """
    known = values[np.isfinite(values)]
    count = len(known)
    if count == 0:
        return Interval(None, None, None, 0, NO_PICTURE)
    mean = float(known.mean())
    if count == 1:
        return Interval(mean, None, None, count, ONE_PICTURE)
    if np.ptp(known) == 0:
        return _of_equal_values(float(known[0]), count, alpha, bounds)
    error = float(known.std(ddof=1)) / math.sqrt(count)
    quantile = float(special.stdtrit(count - 1, 1 - alpha / 2))  # of Student's t
    low, high = _unskewed(quantile, known), _unskewed(-quantile, known)
    return Interval(
        mean,
        max(bounds[0], mean - error * max(quantile, low)),
        min(bounds[1], mean + error * max(quantile, -high)),
        count,
    )


def _of_equal_values(value: float, count: int, alpha: float, bounds: Bounds) -> Interval:
    """Interval of a mean of which `count` pictures showed one value only.

    Others can differ, in a share that Clopper and Pearson's interval of 0 of `count` bounds, by as much as `bounds`
    allow: without bounds there is no interval.
    """
    if not all(map(math.isfinite, bounds)):
        return Interval(value, None, None, count, NO_SPREAD)
    unseen = 1 - (alpha / 2) ** (1 / count)
    return Interval(value, value - unseen * (value - bounds[0]), value + unseen * (bounds[1] - value), count)


def _unskewed(quantile: float, values: Numbers) -> float:
    """The quantile of the t statistic of `values` (N,) that Hall's transformation takes to `quantile`."""
    if len(values) < 3:
        return quantile
    count, centered = len(values), values - values.mean()
    root, power = math.sqrt(count), float((centered**2).sum())
    skewness = count * math.sqrt(count - 1) / (count - 2) * float((centered**3).sum()) / (power * math.sqrt(power))
    if abs(skewness) < 1e-6:  # the limit of what follows
        return quantile
    shifted = 1 + skewness / root * (quantile - skewness / (6 * root))
    return 3 * root / skewness * (math.cbrt(shifted) - 1)


def share_interval(values: Numbers, alpha: float = ALPHA) -> Interval:
    """Interval of a share of pictures, from `values` (N,): 0 or 1, or in between for a picture that counts in part.

    Wilson's interval; `interval` where pictures count in part, as these vary less. nan: a picture without a value.
    """
    known = values[np.isfinite(values)]
    if len(known) and np.isin(known, (0, 1)).all():
        return wilson(float(known.mean()), len(known), alpha)
    if len(known) == 1:
        return wilson(float(known[0]), 1, alpha)
    return interval(known, alpha, bounds=(0.0, 1.0))


def wilson(share: float, count: int, alpha: float = ALPHA) -> Interval:
    """The interval of a share of `count` >= 1 pictures (Wilson 1927)."""
    z = float(special.ndtri(1 - alpha / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # the formula gives these ends up to rounding
    low, high = middle - reach if share > 0 else 0.0, middle + reach if share < 1 else 1.0
    return Interval(share, low, high, count)


def ratio_interval(numerators: Numbers, denominators: Numbers, reason: str) -> Interval:
    """Interval of the ratio of the means of two measures of the same pictures, (N,) each, in [0, 1].

    Combined from Wilson's intervals and the correlation of the two (MOVER, Donner and Zou 2012). Its pictures are those
    whose denominator is not 0; `reason` says why there is no ratio without any.
    """
    over, under = share_interval(numerators), share_interval(denominators)
    count = int(np.count_nonzero(denominators))
    if not under.value:
        return Interval(None, None, None, count, reason if len(denominators) else NO_PICTURE)
    a, b, together = over.value or 0.0, under.value, _correlation(numerators, denominators)
    (a_low, a_high), (b_low, b_high) = _ends(over), _ends(under)
    below, above = a_low * (2 * a - a_low), a_high * (2 * a - a_high)
    middle = a * b - together * (a - a_low) * (b_high - b)
    low = below / (middle + math.sqrt(max(0.0, middle**2 - below * b_high * (2 * b - b_high)))) if a else 0.0
    middle, scale = a * b - together * (a_high - a) * (b - b_low), b_low * (2 * b - b_low)
    high = (middle + math.sqrt(max(0.0, middle**2 - above * scale))) / scale
    return Interval(a / b, min(low, a / b), max(high, a / b), count)


def _ends(of: Interval) -> Bounds:
    return of.low or 0.0, 1.0 if of.high is None else of.high


def _correlation(first: Numbers, second: Numbers) -> float:
    """Pearson's correlation; 0 where one is constant."""
    return float(np.corrcoef(first, second)[0, 1]) if np.ptp(first) > 0 and np.ptp(second) > 0 else 0.0


def difference(first: Mapping[str, float], second: Mapping[str, float], comparisons: int = 1) -> Interval:
    """Interval of the mean difference `first` - `second`, paired by picture.

    Both: picture -> value; pictures in both count. `comparisons`: number of simultaneous ones, for Bonferroni's
    correction.
    """
    differences: Sequence[float] = [first[name] - second[name] for name in first if name in second]
    return interval(np.array(differences, dtype=np.float64), alpha=ALPHA / comparisons)
