"""Points: positions in a tensor that an answer rests on, how they are merged, and which inputs support a point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
AT_ONCE = 2**18
"""Contributions that are looked at together: what is done to them, one after the other, stays in a core's cache."""


@dataclass(frozen=True)
class TracingConfig:
    """How many supporters a point has, and what becomes of them."""

    supporters: int = 1
    """Of a point, at most; of a fully connected layer all count."""
    places: int = 1
    """Of a depthwise convolution, at most."""
    weighted: bool = False
    """Whether a point's weight is shared out among its supporters and summed where paths meet; else each weighs 1."""
    pools_all: bool = False
    """Whether a mean over the whole map rests on all that is positive, or on its largest."""
    cap: int | None = None
    """Points kept of a tensor and a picture: the heaviest."""
    signed: bool = True
    """Whether a point knows if more or less of its value is wanted."""
    stays: bool = True
    """Whether a point without a supporter stays at its place; else it is dropped."""


@dataclass(frozen=True, eq=False)
class Points:
    """Positions in a tensor, all arrays (P,)."""

    index: Indices
    """Into the tensor's elements, in the order of their indices."""
    sign: Floats
    """1 where more of the value is wanted, -1 where less."""
    weight: Numbers
    picture: Indices
    """Which picture of the batch."""
    distinct: bool = False
    """No two are at the same place and want the same."""

    def __len__(self) -> int:
        return len(self.index)

    def moved(self, index: Indices, sign: Floats | None = None, *, distinct: bool = True) -> Points:
        """The same points elsewhere; `sign`: by which theirs are multiplied; not `distinct`: some may meet there."""
        turned = self.sign if sign is None else self.sign * sign
        return Points(index, turned, self.weight, self.picture, self.distinct and distinct)

    def taken(self, which: Indices | Flags | slice) -> Points:
        """Some of them."""
        return Points(self.index[which], self.sign[which], self.weight[which], self.picture[which], self.distinct)


def joined(parts: list[Points]) -> Points:
    """All of them, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.sign for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.picture for part in parts]),
    )


def merged(points: Points, manner: TracingConfig) -> Points:
    """Equal points as one, in the order of their indices; of too many, the heaviest of each picture."""
    if not len(points):
        return points
    key = points.index * 2 + (points.sign < 0)
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    weight = np.add.reduceat(points.weight[order], first) if manner.weighted else np.ones(len(first))
    one = order[first]
    return capped(Points(points.index[one], points.sign[one], weight, points.picture[one], distinct=True), manner.cap)


def capped(points: Points, cap: int | None) -> Points:
    """The `cap` heaviest of each picture, the first of equal ones, in the order they had."""
    if cap is None or len(points) <= cap:
        return points
    kept = np.zeros(len(points), bool)
    for picture in range(int(points.picture.max()) + 1):
        own = np.flatnonzero(points.picture == picture)
        weight = points.weight[own]
        if len(own) > cap:
            least = np.partition(weight, -cap)[-cap]
            heavier = weight > least
            tied = np.flatnonzero(weight == least)[: cap - np.count_nonzero(heavier)]
            own = np.concatenate((own[heavier], own[tied]))
        kept[own] = True
    return points.taken(kept)


@dataclass(frozen=True, eq=False)
class Support:
    """Which candidates support which points, all arrays (M,)."""

    parent: Indices
    """Which point."""
    candidate: Indices
    share: Numbers
    """Of the point's weight."""
    stays: Flags
    """No candidate was positive: this is the best of them, and takes all of the weight."""

    def taken(self, which: Flags) -> Support:
        """Some of them."""
        return Support(self.parent[which], self.candidate[which], self.share[which], self.stays[which])


def strongest(contributions: Floats, count: int) -> Support:
    """Of each row of (P, n) the `count` largest positive ones, the first of equal ones; the best where none is.

    The rows are used up: of two or more, what is taken is struck out.
    """
    rows, count = np.arange(len(contributions)), min(count, contributions.shape[1])
    candidates = [contributions.argmax(axis=1)]
    values = [contributions[rows, candidates[0]]]
    none = values[0] <= 0
    if count == 1:
        return Support(rows, candidates[0], np.ones(len(rows)), none)
    for _ in range(count - 1):
        contributions[rows, candidates[-1]] = -np.inf
        candidates.append(contributions.argmax(axis=1))
        values.append(contributions[rows, candidates[-1]])
    shares = [np.maximum(value, 0).astype(np.float64) for value in values]
    shares[0][none] = 1
    total = sum(shares)
    chosen = np.flatnonzero(np.stack(shares, axis=1))
    parent = chosen // count
    share = np.stack([one / total for one in shares], axis=1).reshape(-1)[chosen]
    return Support(parent, np.stack(candidates, axis=1).reshape(-1)[chosen], share, none[parent])


def all_positive(contributions: Floats) -> Support:
    """Of each row of (P, n) all that are positive; the best where none is."""
    positive = np.maximum(contributions, 0).astype(np.float64)
    none: Flags = np.logical_not(positive.any(axis=1))
    if none.any():
        positive[none, contributions[none].argmax(axis=1)] = 1
    parent, candidate = np.nonzero(positive)
    share = positive / positive.sum(axis=1, keepdims=True)
    return Support(parent, candidate, share[parent, candidate], none[parent])


def supported(points: Points, support: Support, index: Indices, sign: Floats, manner: TracingConfig) -> Points:
    """The supporters as points: `index` and `sign` (M,) are theirs; `sign` is already the point's times its own."""
    weight = points.weight[support.parent] * support.share
    found = Points(index, sign, weight, points.picture[support.parent])
    return found if manner.stays else found.taken(~support.stays)


def signs(values: Floats) -> Floats:
    """-1 where a value is negative, else 1."""
    return np.where(values < 0, np.float32(-1), np.float32(1))


def pieces(count: int, width: int) -> Iterator[slice]:
    """The pieces in which `count` points are looked at, each point with `width` contributions; one at least."""
    size = max(1, AT_ONCE // max(1, width))
    for start in range(0, max(1, count), size):
        yield slice(start, start + size)


def parts(points: Points, width: int) -> Iterator[Points]:
    """The points in these pieces."""
    for piece in pieces(len(points), width):
        yield points.taken(piece)


def unravelled(index: Indices, shape: tuple[int, ...]) -> tuple[Indices, ...]:
    """Coordinates of flat positions."""
    found: tuple[Indices, ...] = np.unravel_index(index, shape)
    return found
