"""Pooling: the maximum of a window, or the strongest contributions to its mean."""

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
    batched,
    concatenated,
    strongest,
    supported,
    unravel_index,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.rules.convolution import Geometry


@rule("max_pool2d_with_indices", reads=numbers_of(outputs=slice(1, 2)))
def max_pool(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The maximum of the window, whatever the sign."""
    inputs, (output, max_indices) = operation["self"], operation.outputs
    plane = points.index // math.prod(output.shape[2:]) * math.prod(inputs.shape[2:])
    positions = max_indices.data.cpu().numpy().reshape(-1)[points.index]
    return [(inputs, points.moved(plane + positions, distinct=False))]


@rule("amax", "max", "amin", "min", reads=numbers_of("self"))
def largest(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The maximum (or minimum) over the reduced dimensions."""
    if value is not operation.outputs[0]:
        return []
    inputs = operation["self"]
    candidates = reduced(points.index, value, inputs, _dimensions(operation, inputs))
    values = inputs.flat[candidates]
    extremum = values.argmin(axis=1) if operation.name.endswith("min") else values.argmax(axis=1)
    return [(inputs, points.moved(candidates[np.arange(len(points)), extremum], distinct=False))]


@rule("mean", "sum", reads=numbers_of("self"))
def mean(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s x over the reduced dimensions."""
    inputs = operation["self"]
    dimensions = _dimensions(operation, inputs)
    width = math.prod(inputs.shape[dimension] for dimension in dimensions)
    followed = []
    for batch in batched(points, width):
        candidates = reduced(batch.index, value, inputs, dimensions)
        contributions = inputs.flat[candidates] * batch.sign[:, None]
        if operation.name == "mean":
            walk.audit(contributions / np.float32(width), None, batch, value)
        followed.append(_pooled(batch, contributions, candidates, inputs, walk, global_pool=True))
    return [(inputs, concatenated(followed))]


@rule("logsumexp", reads=numbers_of("self"))
def soft_maximum(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """By the gradient of logsumexp: contributions are proportional to exp(x)."""
    inputs = operation["self"]
    dimensions = _dimensions(operation, inputs)
    followed = []
    for batch in batched(points, math.prod(inputs.shape[dimension] for dimension in dimensions)):
        candidates = reduced(batch.index, value, inputs, dimensions)
        values = inputs.flat[candidates]
        share = np.exp(values - values.max(axis=1, keepdims=True))
        followed.append(_pooled(batch, share, candidates, inputs, walk, global_pool=True))
    return [(inputs, concatenated(followed))]


@rule("avg_pool2d", "_adaptive_avg_pool2d", "avg_pool1d", reads=numbers_of("self"))
def average_pool(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s x in the window; a window that covers the map counts as a mean over it."""
    inputs = operation["self"]
    if operation.name.startswith("_adaptive"):
        windows = _adaptive_windows(inputs.shape, value.shape)
    else:
        windows = _windows(operation, inputs.shape, value.shape)
    plane, place = np.divmod(points.index, math.prod(value.shape[2:]))
    pixels, on_map = windows
    candidates = plane[:, None] * math.prod(inputs.shape[2:]) + pixels[place]
    contributions = inputs.flat.take(candidates, mode="clip") * points.sign[:, None]
    if on_map is not None:
        contributions = np.where(on_map[place], contributions, np.float32(-np.inf))
    global_pool = math.prod(value.shape[2:]) == 1
    return [(inputs, _pooled(points, contributions, candidates, inputs, walk, global_pool=global_pool))]


def _pooled(
    points: Points, contributions: Floats, candidates: Indices, inputs: Value, walk: Walk, *, global_pool: bool
) -> Points:
    if inputs.mask is not None:
        live = inputs.mask.cpu().numpy().reshape(-1)[candidates]
        contributions = np.where(live, contributions, np.float32(-np.inf))
    take_all = global_pool and walk.config.pools_all
    support = all_positive(contributions) if take_all else strongest(contributions, walk.config.supporters)
    index = candidates[support.parent, support.candidate]
    return supported(points, support, index, points.sign[support.parent], walk.config)


def _dimensions(operation: Operation, inputs: Value) -> list[int]:
    """The reduced dimensions; all where none is given."""
    dimension = operation.get("dim")
    count = len(inputs.shape)
    if dimension is None or dimension == []:
        return list(range(count))
    return sorted(dimension % count for dimension in (dimension if isinstance(dimension, Sequence) else [dimension]))


def reduced(index: Indices, value: Value, inputs: Value, dimensions: Sequence[int]) -> Indices:
    """Flat indices (P, n) in `inputs` of the elements that each output element reduces."""
    strides = [math.prod(inputs.shape[dimension + 1 :]) for dimension in range(len(inputs.shape))]
    kept = [dimension for dimension in range(len(inputs.shape)) if dimension not in dimensions]
    coordinates = unravel_index(index, tuple(inputs.shape[dimension] for dimension in kept)) if kept else ()
    base = np.zeros_like(index)
    for coordinate, dimension in zip(coordinates, kept, strict=True):
        base += coordinate * strides[dimension]
    offsets = np.zeros(1, np.int64)
    for dimension in dimensions:
        offsets = (offsets[:, None] + np.arange(inputs.shape[dimension]) * strides[dimension]).reshape(-1)
    return base[:, None] + offsets


def _windows(operation: Operation, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Indices, Flags | None]:
    """Flat pixels (positions, taps) that each output position averages, and which of them are on the map; None: all."""
    is_1d = len(inputs) == 3 or operation.name == "avg_pool1d"

    def pair(values: Sequence[int] | int, default: int) -> tuple[int, int]:
        sizes = [values] if isinstance(values, int) else list(values)
        return (default, sizes[0]) if is_1d else (sizes[0], sizes[-1])

    kernel = pair(operation["kernel_size"], 1)
    shape = Geometry(
        inputs=(1, 1, *((1, inputs[-1]) if is_1d else inputs[-2:])),
        outputs=(1, 1, *((1, outputs[-1]) if is_1d else outputs[-2:])),
        kernel=kernel,
        stride=pair(operation.get("stride") or list(kernel), 1),
        padding=pair(operation.get("padding", 0), 0),
        dilation=(1, 1),
        groups=1,
    )
    y, x = np.divmod(np.arange(math.prod(shape.outputs)), shape.outputs[3])
    return shape.taps(y, x)


def _adaptive_windows(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Indices, Flags | None]:
    """`_windows` of an adaptive pool, where window sizes follow from input and output size."""
    edges = []
    for size, count in zip(inputs[-2:], outputs[-2:], strict=True):
        steps = np.arange(count)
        edges.append((steps * size // count, -(-(steps + 1) * size // count)))
    (top, bottom), (left, right) = edges
    height, width = int((bottom - top).max()), int((right - left).max())
    rows = top[:, None] + np.arange(height)
    columns = left[:, None] + np.arange(width)
    on_map = (rows < bottom[:, None])[:, None, :, None] & (columns < right[:, None])[None, :, None, :]
    rows, columns = rows.clip(max=inputs[-2] - 1), columns.clip(max=inputs[-1] - 1)
    pixels = rows[:, None, :, None] * inputs[-1] + columns[None, :, None, :]
    count = len(top) * len(left)
    return pixels.reshape(count, -1), on_map.reshape(count, -1)
