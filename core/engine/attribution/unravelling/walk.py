"""The backward walk: from points on the logits to the pixels that support them, all points of a tensor at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from core.engine.attribution.unravelling.operations import EVERYTHING, NOTHING, Reads
from core.engine.attribution.unravelling.points import (
    Points,
    Support,
    TracingConfig,
    all_positive,
    concatenated,
    merged,
)
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
from core.engine.attribution.unravelling.tape import Pick, Tape, only
from core.errors import Undefined

FAMILIES = (attention, convolution, elementwise, linear, moves, pooling)
"""Imported for their rules."""

DISPLAY_NAMES = {"mkldnn_rnn_layer": "an LSTM", "lstm": "an LSTM", "_cudnn_rnn": "an LSTM"}
"""Operation -> its name in error messages."""

TRACING_CONFIGS = {
    "paper": TracingConfig(),
    "light": TracingConfig(weighted=True, pools_all=True, places=3, cap=1024),
    "beam": TracingConfig(supporters=2, places=2, weighted=True, pools_all=True, cap=1024),
}


@dataclass(frozen=True, eq=False)
class Reached:
    """Points on one tensor, and its shape."""

    points: Points
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Unravelled:
    """The result of unravelling: the points that support the target."""

    pixels: Reached
    """Points on the pictures (N, 3, H, W)."""
    layers: dict[str, Reached]
    """Layer -> points on its output, for the requested layers that a path reaches."""
    logits: Tensor
    """(N, K), as the network computes them without a record."""
    lost: float
    """Share of the weight that ended on padding or on elements that do not depend on the pictures."""
    errors: list[float] = field(default_factory=list)
    """See `Walk.errors`."""


@dataclass(frozen=True)
class Start:
    """Where to start: the target."""

    choose: Callable[[Tensor], tuple[Points, Sequence[int] | None]]
    """The layer's output -> start points, and the contrast class of each picture or None: evidence for both cancels."""
    layer: str = ""
    """Name of the layer; empty: the logits (N, K)."""
    pick: Pick = only
    """Which tensor of an output is meant, of this layer and of others on the way."""


def classes(targets: Sequence[int], contrast_classes: Sequence[int] | None = None) -> Start:
    """Start at one class per picture, optionally against a contrast class."""
    return Start(lambda logits: (class_points(logits.shape[1], targets), contrast_classes))


def class_points(count: int, targets: Sequence[int]) -> Points:
    """The logit of one class per picture, as points in logits (N, `count`)."""
    rows = np.arange(len(targets))
    index = rows * count + np.asarray(targets, np.int64)
    return Points(index, np.ones(len(rows), np.float32), np.ones(len(rows)), rows, distinct=True)


def places_of(output: Tensor) -> Tensor:
    """The flat index of each element, float64, same shape: moved like the values, it tells where each came from."""
    return torch.arange(output.numel(), dtype=torch.float64).view(output.shape)


def unit_points(values: Tensor, places: Tensor, channels: Tensor, place: tuple[float, float] | None) -> Points:
    """Points on one channel per picture: all positive positions by their shares, else the maximum; or only `place`.

    `values` and `places` (N, C, h, w): a layer's map and its `places_of`; `channels` (N,); `place` y, x in [0, 1].
    """
    rows = torch.arange(len(values))
    activations, numbers = (part.cpu()[rows, channels.cpu()].flatten(1) for part in (values, places))
    if place is None:
        support = all_positive(activations.detach().float().numpy())
    else:
        shape = values.shape[2:]
        row, column = (int(share * (size - 1) + 0.5) for share, size in zip(place, shape, strict=True))
        at = np.full(len(rows), row * shape[1] + column)
        support = Support(rows.numpy(), at, np.ones(len(at)), np.zeros(len(at), bool))
    index = numbers.numpy()[support.parent, support.candidate].astype(np.int64)
    ones = np.ones(len(index), np.float32)
    return Points(index, ones, support.share, support.parent)


def weights_of(reached: Reached) -> Tensor:
    """Total weight of the points at each element, of the tensor's shape."""
    points = reached.points
    weights = np.bincount(points.index, points.weight, math.prod(reached.shape))
    return torch.from_numpy(weights).view(reached.shape)


def unravel(
    network: nn.Module,
    pictures: Tensor,
    start: Start,
    config: TracingConfig,
    *,
    layers: Sequence[str] = (),
    audit: bool = False,
) -> Unravelled:
    """Trace the points of `start` back to the pixels of `pictures` (N, 3, H, W).

    `layers`: names of modules whose points are returned too; `audit`: fill `Unravelled.errors`. Raises Undefined for
    an operation without a rule.
    """
    recorded_layers = [*layers, *([start.layer] if start.layer else [])]
    reads = _everything if audit else _declared
    with recorded(network, pictures, reads, recorded_layers, start.pick, replay=not audit) as (tape, logits, outputs):
        if start.layer and start.layer not in outputs:
            raise Undefined("this layer has no part in the network's prediction")
        first = outputs[start.layer] if start.layer else logits
        points, contrast_classes = start.choose(first.data)
        walk = Walk(config, len(pictures), errors=[] if audit else None)
        value, parts = (
            (first, [points])
            if contrast_classes is None
            else linear.against_contrast(first, points, contrast_classes, walk)
        )
        names = {id(outputs[name]): name for name in layers if name in outputs}
        pixels, reached = _back(tape, {id(value): parts}, walk, names)
        lost = walk.lost / (len(pictures) or 1)
        return Unravelled(Reached(pixels, tape.pictures.shape), reached, logits.data.clone(), lost, walk.errors or [])


def _declared(name: str) -> Reads:
    """The values that the rule of this operation reads."""
    return RULES[name].reads if name in RULES else NOTHING


def _everything(_: str) -> Reads:
    """All values: an audit also reads the outputs."""
    return EVERYTHING


def _back(
    tape: Tape, pending: dict[int, list[Points]], walk: Walk, names: dict[int, str]
) -> tuple[Points, dict[str, Reached]]:
    """Trace points through all operations, last first: the points on the pixels, and on the layers of `names`."""
    reached: dict[str, Reached] = {}
    for operation in reversed(tape.operations):
        for value in operation.outputs:
            arrived = pending.pop(id(value), None)
            if arrived is None:
                continue
            points = _merged(arrived, walk.config)
            if (name := names.get(id(value))) is not None:
                reached[name] = Reached(points, value.shape)
            if (rule := RULES.get(operation.name)) is None:
                raise Undefined(
                    f"fixations cannot be traced through {DISPLAY_NAMES.get(operation.name, operation.name)}"
                )
            for part, moved in rule.follow(operation, value, points, walk):
                if not part.live:
                    walk.lost += float(moved.weight.sum())
                elif len(moved):
                    pending.setdefault(id(part), []).append(moved)
    return merged(concatenated(pending.pop(id(tape.pictures), [_no_points()])), walk.config), reached


def _merged(arrived: list[Points], config: TracingConfig) -> Points:
    """All points that reached a tensor, merged."""
    points = concatenated(arrived)
    if not config.signed:
        points = replace(points, sign=np.ones_like(points.sign), distinct=False)
    return points if points.distinct else merged(points, config)


def _no_points() -> Points:
    empty = np.zeros(0, np.int64)
    return Points(empty, np.zeros(0, np.float32), np.zeros(0), empty)
