"""Pooling: the largest of a window, or what speaks for the mean of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core.engine.attribution.unravelling.operations import Operation, Value
from core.engine.attribution.unravelling.points import (
    Flags,
    Floats,
    Indices,
    Points,
    all_positive,
    joined,
    parts,
    strongest,
    supported,
    unravelled,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.rules.convolution import Geometry


@rule("max_pool2d_with_indices", reads=numbers_of(outputs=slice(1, 2)))
def max_pool(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The largest of the window, whatever the sign."""
    inputs, (outcome, where) = operation["self"], operation.outputs
    plane = points.index // math.prod(outcome.shape[2:]) * math.prod(inputs.shape[2:])
    positions = where.data.cpu().numpy().reshape(-1)[points.index]
    return [(inputs, points.moved(plane + positions, distinct=False))]


@rule("amax", "max", "amin", "min", reads=numbers_of("self"))
def largest(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The largest (or the least) of all that is reduced."""
    if value is not operation.outputs[0]:
        return []
    inputs = operation["self"]
    candidates = reduced(points.index, value, inputs, _dimensions(operation, inputs))
    values = inputs.flat[candidates]
    best = values.argmin(axis=1) if operation.name.endswith("min") else values.argmax(axis=1)
    return [(inputs, points.moved(candidates[np.arange(len(points)), best], distinct=False))]


@rule("mean", "sum", reads=numbers_of("self"))
def mean(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s x over all that is averaged."""
    inputs = operation["self"]
    dimensions = _dimensions(operation, inputs)
    width = math.prod(inputs.shape[dimension] for dimension in dimensions)
    found = []
    for part in parts(points, width):
        candidates = reduced(part.index, value, inputs, dimensions)
        contributions = inputs.flat[candidates] * part.sign[:, None]
        if operation.name == "mean":
            walk.audit(contributions / np.float32(width), None, part, value)
        found.append(_pooled(part, contributions, candidates, inputs, walk, whole=True))
    return [(inputs, joined(found))]


@rule("logsumexp", reads=numbers_of("self"))
def soft_maximum(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Its slope says who decides: the places share by exp(x), the strongest the most."""
    inputs = operation["self"]
    dimensions = _dimensions(operation, inputs)
    found = []
    for part in parts(points, math.prod(inputs.shape[dimension] for dimension in dimensions)):
        candidates = reduced(part.index, value, inputs, dimensions)
        values = inputs.flat[candidates]
        share = np.exp(values - values.max(axis=1, keepdims=True))
        found.append(_pooled(part, share, candidates, inputs, walk, whole=True))
    return [(inputs, joined(found))]


@rule("avg_pool2d", "_adaptive_avg_pool2d", "avg_pool1d", reads=numbers_of("self"))
def average_pool(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s x in the window; where the window is the whole map, as a mean over it."""
    inputs = operation["self"]
    if operation.name.startswith("_adaptive"):
        windows = _adaptive_windows(inputs.shape, value.shape)
    else:
        windows = _windows(operation, inputs.shape, value.shape)
    plane, place = np.divmod(points.index, math.prod(value.shape[2:]))
    pixels, there = windows
    candidates = plane[:, None] * math.prod(inputs.shape[2:]) + pixels[place]
    contributions = inputs.flat.take(candidates, mode="clip") * points.sign[:, None]
    if there is not None:
        contributions = np.where(there[place], contributions, np.float32(-np.inf))
    whole = math.prod(value.shape[2:]) == 1
    return [(inputs, _pooled(points, contributions, candidates, inputs, walk, whole=whole))]


def _pooled(
    points: Points, contributions: Floats, candidates: Indices, inputs: Value, walk: Walk, *, whole: bool
) -> Points:
    if inputs.mask is not None:
        live = inputs.mask.cpu().numpy().reshape(-1)[candidates]
        contributions = np.where(live, contributions, np.float32(-np.inf))
    everything = whole and walk.manner.pools_all
    support = all_positive(contributions) if everything else strongest(contributions, walk.manner.supporters)
    index = candidates[support.parent, support.candidate]
    return supported(points, support, index, points.sign[support.parent], walk.manner)


def _dimensions(operation: Operation, inputs: Value) -> list[int]:
    """Over which dimensions is reduced; all where none is named."""
    given = operation.get("dim")
    count = len(inputs.shape)
    if given is None or given == []:
        return list(range(count))
    return sorted(dimension % count for dimension in (given if isinstance(given, Sequence) else [given]))


def reduced(index: Indices, value: Value, inputs: Value, dimensions: Sequence[int]) -> Indices:
    """(P, n): the positions in `inputs` that each position in the outcome is made of."""
    strides = [math.prod(inputs.shape[dimension + 1 :]) for dimension in range(len(inputs.shape))]
    left = [dimension for dimension in range(len(inputs.shape)) if dimension not in dimensions]
    coordinates = unravelled(index, tuple(inputs.shape[dimension] for dimension in left)) if left else ()
    base = np.zeros_like(index)
    for coordinate, dimension in zip(coordinates, left, strict=True):
        base += coordinate * strides[dimension]
    offsets = np.zeros(1, np.int64)
    for dimension in dimensions:
        offsets = (offsets[:, None] + np.arange(inputs.shape[dimension]) * strides[dimension]).reshape(-1)
    return base[:, None] + offsets


def _windows(operation: Operation, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Indices, Flags | None]:
    """(places, taps): which pixels each place of the outcome averages, and which of these there are."""
    one = len(inputs) == 3 or operation.name == "avg_pool1d"

    def two(numbers: Sequence[int] | int, filler: int) -> tuple[int, int]:
        wide = [numbers] if isinstance(numbers, int) else list(numbers)
        return (filler, wide[0]) if one else (wide[0], wide[-1])

    kernel = two(operation["kernel_size"], 1)
    shape = Geometry(
        inputs=(1, 1, *((1, inputs[-1]) if one else inputs[-2:])),
        outputs=(1, 1, *((1, outputs[-1]) if one else outputs[-2:])),
        kernel=kernel,
        stride=two(operation.get("stride") or list(kernel), 1),
        padding=two(operation.get("padding", 0), 0),
        dilation=(1, 1),
        groups=1,
    )
    y, x = np.divmod(np.arange(math.prod(shape.outputs)), shape.outputs[3])
    return shape.taps(y, x)


def _adaptive_windows(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Indices, Flags | None]:
    """The same where the windows follow from the sizes."""
    edges = []
    for size, count in zip(inputs[-2:], outputs[-2:], strict=True):
        steps = np.arange(count)
        edges.append((steps * size // count, -(-(steps + 1) * size // count)))
    (top, bottom), (left, right) = edges
    down, across = int((bottom - top).max()), int((right - left).max())
    rows = top[:, None] + np.arange(down)
    columns = left[:, None] + np.arange(across)
    there = (rows < bottom[:, None])[:, None, :, None] & (columns < right[:, None])[None, :, None, :]
    rows, columns = rows.clip(max=inputs[-2] - 1), columns.clip(max=inputs[-1] - 1)
    pixels = rows[:, None, :, None] * inputs[-1] + columns[None, :, None, :]
    places = len(top) * len(left)
    return pixels.reshape(places, -1), there.reshape(places, -1)
