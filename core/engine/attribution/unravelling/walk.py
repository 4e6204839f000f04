"""The way back: from points on an answer to the pixels that it rests on, all points of a tensor at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from core.engine.attribution.unravelling.operations import EVERYTHING, NOTHING, Reads
from core.engine.attribution.unravelling.points import Points, Support, TracingConfig, all_positive, joined, merged
from core.engine.attribution.unravelling.replay import recorded
from core.engine.attribution.unravelling.rules import (
    RULES,
    Walk,
    attention,
    convolution,
    elementwise,
    linear,
    moves,
    pooling,
)
from core.engine.attribution.unravelling.tape import Tape
from core.errors import Undefined

FAMILIES = (attention, convolution, elementwise, linear, moves, pooling)
"""Imported for their rules."""

CALLED = {"mkldnn_rnn_layer": "an LSTM", "lstm": "an LSTM", "_cudnn_rnn": "an LSTM"}
"""What a reader knows an operation as."""

TRACING_CONFIGS = {
    "paper": TracingConfig(),
    "light": TracingConfig(weighted=True, pools_all=True, places=3, cap=1024),
    "beam": TracingConfig(supporters=2, places=2, weighted=True, pools_all=True, cap=1024),
}


@dataclass(frozen=True, eq=False)
class Reached:
    """Points on one tensor, and the tensor's shape."""

    points: Points
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Unravelled:
    """What an answer rests on."""

    pixels: Reached
    """On the pictures (N, 3, H, W)."""
    layers: dict[str, Reached]
    """On the outcomes of the layers that were asked for, as far as a path leads there."""
    answer: Tensor
    """(N, K), as the network gives it without a record."""
    lost: float
    """Share of the weight that fell on padding or on what does not depend on the pictures."""
    errors: list[float] = field(default_factory=list)
    """See `Walk.errors`."""


@dataclass(frozen=True)
class Start:
    """What is asked for."""

    choose: Callable[[Tensor], tuple[Points, Sequence[int] | None]]
    """From the layer's outcome the points to start at, and of each picture the class that it is held against, if any:
    what speaks for both does not count."""
    layer: str = ""
    """Empty: the answer (N, K)."""


def classes(chosen: Sequence[int], rivals: Sequence[int] | None = None) -> Start:
    """One class a picture, or one against another."""
    return Start(lambda answer: (class_points(answer.shape[1], chosen), rivals))


def class_points(count: int, chosen: Sequence[int]) -> Points:
    """The logit of one class a picture in an answer (N, `count`)."""
    rows = np.arange(len(chosen))
    index = rows * count + np.asarray(chosen, np.int64)
    return Points(index, np.ones(len(rows), np.float32), np.ones(len(rows)), rows, distinct=True)


def places_of(outcome: Tensor) -> Tensor:
    """The number of each element, of the same shape: whatever moves these tells where it came from."""
    return torch.arange(outcome.numel(), dtype=torch.float64).view(outcome.shape)


def unit_points(values: Tensor, places: Tensor, channels: Tensor, place: tuple[float, float] | None) -> Points:
    """A channel's positive places by their shares (its greatest, where none is), or the one `place`.

    `values` and `places` (N, C, h, w): a layer's map and its `places_of`; `channels` (N,).
    """
    rows = torch.arange(len(values))
    own, numbers = (part.cpu()[rows, channels.cpu()].flatten(1) for part in (values, places))
    if place is None:
        support = all_positive(own.detach().float().numpy())
    else:
        shape = values.shape[2:]
        row, column = (int(share * (size - 1) + 0.5) for share, size in zip(place, shape, strict=True))
        at = np.full(len(rows), row * shape[1] + column)
        support = Support(rows.numpy(), at, np.ones(len(at)), np.zeros(len(at), bool))
    index = numbers.numpy()[support.parent, support.candidate].astype(np.int64)
    ones = np.ones(len(index), np.float32)
    return Points(index, ones, support.share, support.parent)


def weights_of(reached: Reached) -> Tensor:
    """The weight of the points at each element, of the tensor's shape."""
    points = reached.points
    weights = np.bincount(points.index, points.weight, math.prod(reached.shape))
    return torch.from_numpy(weights).view(reached.shape)


def unravel(
    network: nn.Module,
    pictures: Tensor,
    start: Start,
    manner: TracingConfig,
    *,
    layers: Sequence[str] = (),
    audit: bool = False,
) -> Unravelled:
    """Follow the points of `start` back to the pixels of `pictures` (N, 3, H, W).

    `layers`: whose points are kept on the way. Raises Undefined for an operation that has no rule.
    """
    named = [*layers, *([start.layer] if start.layer else [])]
    reads = _everything if audit else _declared
    with recorded(network, pictures, reads, named, again=not audit) as (tape, answer, outcomes):
        if start.layer and start.layer not in outcomes:
            raise Undefined("this layer has no part in the network's answer")
        first = outcomes[start.layer] if start.layer else answer
        points, rivals = start.choose(first.data)
        walk = Walk(manner, len(pictures), errors=[] if audit else None)
        value, parts = (first, [points]) if rivals is None else linear.against(first, points, rivals, walk)
        kept = {id(outcomes[name]): name for name in layers if name in outcomes}
        pixels, reached = _back(tape, {id(value): parts}, walk, kept)
        lost = walk.lost / (len(pictures) or 1)
        return Unravelled(Reached(pixels, tape.pictures.shape), reached, answer.data.clone(), lost, walk.errors or [])


def _declared(name: str) -> Reads:
    """What the rule for this operation reads."""
    return RULES[name].reads if name in RULES else NOTHING


def _everything(_: str) -> Reads:
    """To check an operation, its outcome is read too."""
    return EVERYTHING


def _back(
    tape: Tape, pending: dict[int, list[Points]], walk: Walk, kept: dict[int, str]
) -> tuple[Points, dict[str, Reached]]:
    """Take the points through all operations, the last first: those on the pixels, and on the layers in `kept`."""
    reached: dict[str, Reached] = {}
    for operation in reversed(tape.operations):
        for value in operation.outputs:
            found = pending.pop(id(value), None)
            if found is None:
                continue
            points = _met(found, walk.manner)
            if (name := kept.get(id(value))) is not None:
                reached[name] = Reached(points, value.shape)
            if (rule := RULES.get(operation.name)) is None:
                raise Undefined(f"the fixations cannot be traced through {CALLED.get(operation.name, operation.name)}")
            for part, moved in rule.follow(operation, value, points, walk):
                if not part.live:
                    walk.lost += float(moved.weight.sum())
                elif len(moved):
                    pending.setdefault(id(part), []).append(moved)
    return merged(joined(pending.pop(id(tape.pictures), [_none()])), walk.manner), reached


def _met(found: list[Points], manner: TracingConfig) -> Points:
    """All that has come to a tensor, each place once."""
    points = joined(found)
    if not manner.signed:
        points = replace(points, sign=np.ones_like(points.sign), distinct=False)
    return points if points.distinct else merged(points, manner)


def _none() -> Points:
    nothing = np.zeros(0, np.int64)
    return Points(nothing, np.zeros(0, np.float32), np.zeros(0), nothing)
