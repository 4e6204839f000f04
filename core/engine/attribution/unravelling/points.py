"""Points: elements of a tensor that support the target, how they are merged, and which inputs support a point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
BATCH = 2**18
"""Contributions per batch: small enough that consecutive operations on them stay in a core's cache."""


@dataclass(frozen=True)
class TracingConfig:
    """How many supporters a point has, and how they are weighted and merged."""

    supporters: int = 1
    """Maximal number per point; in a fully connected layer all positive inputs count."""
    places: int = 1
    """Maximal number per point in a depthwise convolution."""
    weighted: bool = False
    """Whether a point's weight is divided among its supporters and summed where paths meet; else each weight is 1."""
    pools_all: bool = False
    """Whether a mean over the whole map is supported by all positive values; else by the largest ones."""
    cap: int | None = None
    """Maximal number of points per tensor and picture: the heaviest are kept."""
    signed: bool = True
    """Whether points track the sign of their influence on the target; else all are positive."""
    stays: bool = True
    """Whether a point without a positive supporter keeps its strongest one; else it is dropped."""


@dataclass(frozen=True, eq=False)
class Points:
    """Elements of a tensor, all arrays (P,)."""

    index: Indices
    """Flat index of the element, in C order."""
    sign: Floats
    """1 where a larger value raises the target, -1 where it lowers it."""
    weight: Numbers
    picture: Indices
    """Index of the picture in the batch."""
    distinct: bool = False
    """Whether no two have the same index and sign."""

    def __len__(self) -> int:
        return len(self.index)

    def moved(self, index: Indices, sign: Floats | None = None, *, distinct: bool = True) -> Points:
        """The points at new indices (P,), signs multiplied by `sign`; not `distinct`: indices may coincide."""
        new_sign = self.sign if sign is None else self.sign * sign
        return Points(index, new_sign, self.weight, self.picture, self.distinct and distinct)

    def selected(self, which: Indices | Flags | slice) -> Points:
        """The points at `which`."""
        return Points(self.index[which], self.sign[which], self.weight[which], self.picture[which], self.distinct)


def concatenated(parts: list[Points]) -> Points:
    """The concatenation of all points."""
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.sign for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.picture for part in parts]),
    )


def merged(points: Points, config: TracingConfig) -> Points:
    """Points of equal index and sign merged, sorted by index; beyond `config.cap`, the heaviest of each picture."""
    if not len(points):
        return points
    key = points.index * 2 + (points.sign < 0)
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    weight = np.add.reduceat(points.weight[order], first) if config.weighted else np.ones(len(first))
    kept = order[first]
    return capped(
        Points(points.index[kept], points.sign[kept], weight, points.picture[kept], distinct=True), config.cap
    )


def capped(points: Points, cap: int | None) -> Points:
    """The `cap` heaviest points of each picture, in their order; ties go to the first."""
    if cap is None or len(points) <= cap:
        return points
    kept = np.zeros(len(points), bool)
    for picture in range(int(points.picture.max()) + 1):
        own = np.flatnonzero(points.picture == picture)
        weight = points.weight[own]
        if len(own) > cap:
            threshold = np.partition(weight, -cap)[-cap]
            heavier = weight > threshold
            tied = np.flatnonzero(weight == threshold)[: cap - np.count_nonzero(heavier)]
            own = np.concatenate((own[heavier], own[tied]))
        kept[own] = True
    return points.selected(kept)


@dataclass(frozen=True, eq=False)
class Support:
    """Which candidates support which points, all arrays (M,)."""

    parent: Indices
    """Index of the supported point."""
    candidate: Indices
    """Index of the candidate among those of the point."""
    share: Numbers
    """Share of the point's weight."""
    stays: Flags
    """True where no candidate was positive: this is the strongest one, with all of the weight."""

    def selected(self, which: Flags) -> Support:
        """The supporters at `which`."""
        return Support(self.parent[which], self.candidate[which], self.share[which], self.stays[which])


def strongest(contributions: Floats, count: int) -> Support:
    """The `count` largest positive contributions of each row of (P, n), else its maximum; ties go to the first.

    Modifies `contributions` where `count` is above 1.
    """
    rows, count = np.arange(len(contributions)), min(count, contributions.shape[1])
    candidates = [contributions.argmax(axis=1)]
    values = [contributions[rows, candidates[0]]]
    unsupported = values[0] <= 0
    if count == 1:
        return Support(rows, candidates[0], np.ones(len(rows)), unsupported)
    for _ in range(count - 1):
        contributions[rows, candidates[-1]] = -np.inf
        candidates.append(contributions.argmax(axis=1))
        values.append(contributions[rows, candidates[-1]])
    shares = [np.maximum(value, 0).astype(np.float64) for value in values]
    shares[0][unsupported] = 1
    total = sum(shares)
    positive = np.flatnonzero(np.stack(shares, axis=1))
    parent = positive // count
    share = np.stack([values / total for values in shares], axis=1).reshape(-1)[positive]
    return Support(parent, np.stack(candidates, axis=1).reshape(-1)[positive], share, unsupported[parent])


def all_positive(contributions: Floats) -> Support:
    """All positive contributions of each row of (P, n), else its maximum."""
    positive = np.maximum(contributions, 0).astype(np.float64)
    unsupported: Flags = np.logical_not(positive.any(axis=1))
    if unsupported.any():
        positive[unsupported, contributions[unsupported].argmax(axis=1)] = 1
    parent, candidate = np.nonzero(positive)
    share = positive / positive.sum(axis=1, keepdims=True)
    return Support(parent, candidate, share[parent, candidate], unsupported[parent])


def supported(points: Points, support: Support, index: Indices, sign: Floats, config: TracingConfig) -> Points:
    """The supporters as points with `index` and `sign` (M,); `sign` already includes that of the supported point."""
    weight = points.weight[support.parent] * support.share
    supporters = Points(index, sign, weight, points.picture[support.parent])
    return supporters if config.stays else supporters.selected(~support.stays)


def signs(values: Floats) -> Floats:
    """-1 where a value is negative, else 1; same shape."""
    return np.where(values < 0, np.float32(-1), np.float32(1))


def batch_slices(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` points whose `width` contributions each fit into a batch; at least one slice."""
    size = max(1, BATCH // max(1, width))
    for start in range(0, max(1, count), size):
        yield slice(start, start + size)


def batched(points: Points, width: int) -> Iterator[Points]:
    """The points in batches, see `batch_slices`."""
    for batch in batch_slices(len(points), width):
        yield points.selected(batch)


def unravel_index(index: Indices, shape: tuple[int, ...]) -> tuple[Indices, ...]:
    """Coordinates of flat indices, one array per dimension."""
    coordinates: tuple[Indices, ...] = np.unravel_index(index, shape)
    return coordinates
