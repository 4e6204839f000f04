"""Matrix products with weights: fully connected layers, and linear maps of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.engine.attribution.unravelling.operations import Operation, Value
from core.engine.attribution.unravelling.points import (
    Floats,
    Points,
    all_positive,
    batched,
    concatenated,
    signs,
    strongest,
    supported,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.rules.attention import weighted_rows


@rule("addmm", "mm", reads=numbers_of("self", "mat1", "mat2"))
def linear(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s W x: all positive inputs for one row per picture, the strongest inputs for one row per token."""
    inputs, weight = operation["mat1" if operation.name == "addmm" else "self"], operation["mat2"]
    if weight.live:
        return weighted_rows(operation, value, points, walk)
    if not inputs.live:
        return _columns(inputs, weight, value, points, walk)
    rows, bias = _rows(weight), operation.get("self") if operation.name == "addmm" else None
    outputs, width = value.shape[1], inputs.shape[1]
    matrix = inputs.array.reshape(-1, width)
    per_picture = value.shape[0] == walk.pictures  # one row per picture, so no map of tokens
    followed = []
    for batch in batched(points, width):
        row, unit = np.divmod(batch.index, outputs)
        weights = rows[unit]
        contributions = weights * matrix[row] * batch.sign[:, None]
        walk.audit(contributions, None if bias is None else bias.flat[unit % bias.flat.size], batch, value)
        if inputs.mask is not None:
            contributions[~inputs.mask.cpu().numpy().reshape(-1, width)[row]] = -np.inf
        support = all_positive(contributions) if per_picture else strongest(contributions, walk.config.supporters)
        sign = batch.sign[support.parent] * signs(weights[support.parent, support.candidate])
        index = row[support.parent] * width + support.candidate
        followed.append(supported(batch, support, index, sign, walk.config))
    return [(inputs, concatenated(followed))]


def _columns(weight: Value, inputs: Value, value: Value, points: Points, walk: Walk) -> Followed:
    """Weights on the left: z_ij = sum_k W_ik x_kj."""
    outputs, width = value.shape[1], inputs.shape[0]
    followed = []
    for batch in batched(points, width):
        unit, column = np.divmod(batch.index, outputs)
        weights = weight.array[unit]
        contributions = weights * inputs.array.T[column] * batch.sign[:, None]
        walk.audit(contributions, None, batch, value)
        support = strongest(contributions, walk.config.supporters)
        sign = batch.sign[support.parent] * signs(weights[support.parent, support.candidate])
        followed.append(
            supported(batch, support, support.candidate * outputs + column[support.parent], sign, walk.config)
        )
    return [(inputs, concatenated(followed))]


def _rows(weight: Value) -> Floats:
    """The transpose (outputs, inputs) of a weight (inputs, outputs), as a contiguous array."""
    transposed = weight.data.detach().t()
    return np.ascontiguousarray(transposed.float().cpu().numpy())


def against_contrast(
    value: Value, points: Points, contrast_classes: Sequence[int], walk: Walk
) -> tuple[Value, list[Points]]:
    """From the logits (N, K) to the inputs of the last linear layer: C = (W_class - W_contrast) x.

    Where the last layer is not linear, both classes are traced, the contrast class with the opposite sign.
    """
    rows = points.index // value.shape[1]
    contrast = points.moved(
        rows * value.shape[1] + np.asarray(contrast_classes, np.int64)[rows], np.full(len(points), -1, np.float32)
    )
    operation = value.producer
    if operation is None or operation.name not in {"addmm", "mm"} or operation["mat2"].live:
        both = [Points(one.index, one.sign, one.weight / 2, one.picture) for one in (points, contrast)]
        return value, both
    inputs = operation["mat1" if operation.name == "addmm" else "self"]
    weights = _rows(operation["mat2"])
    difference = weights[points.index % value.shape[1]] - weights[contrast.index % value.shape[1]]
    support = all_positive(difference * inputs.array.reshape(-1, inputs.shape[1])[rows])
    index = rows[support.parent] * inputs.shape[1] + support.candidate
    sign = signs(difference[support.parent, support.candidate])
    return inputs, [supported(points, support, index, sign, walk.config)]
