"""Matrix products with weights: a fully connected layer, and a linear map of every token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.engine.attribution.unravelling.operations import Operation, Value
from core.engine.attribution.unravelling.points import (
    Floats,
    Points,
    all_positive,
    joined,
    parts,
    signs,
    strongest,
    supported,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.rules.attention import weighted_rows


@rule("addmm", "mm", reads=numbers_of("self", "mat1", "mat2"))
def linear(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """One row a picture: all inputs that speak for it. One a token: its strongest inputs. C = s W x."""
    inputs, weight = operation["mat1" if operation.name == "addmm" else "self"], operation["mat2"]
    if weight.live:
        return weighted_rows(operation, value, points, walk)
    if not inputs.live:
        return _columns(inputs, weight, value, points, walk)
    rows, bias = _rows(weight), operation.get("self") if operation.name == "addmm" else None
    outputs, width = value.shape[1], inputs.shape[1]
    matrix = inputs.array.reshape(-1, width)
    whole = value.shape[0] == walk.pictures  # a row each, so this is no map of tokens
    found = []
    for part in parts(points, width):
        row, unit = np.divmod(part.index, outputs)
        weights = rows[unit]
        contributions = weights * matrix[row] * part.sign[:, None]
        walk.audit(contributions, None if bias is None else bias.flat[unit % bias.flat.size], part, value)
        if inputs.mask is not None:
            contributions[~inputs.mask.cpu().numpy().reshape(-1, width)[row]] = -np.inf
        support = all_positive(contributions) if whole else strongest(contributions, walk.manner.supporters)
        sign = part.sign[support.parent] * signs(weights[support.parent, support.candidate])
        index = row[support.parent] * width + support.candidate
        found.append(supported(part, support, index, sign, walk.manner))
    return [(inputs, joined(found))]


def _columns(weight: Value, inputs: Value, value: Value, points: Points, walk: Walk) -> Followed:
    """The weights stand on the left: z_ij = sum_k W_ik x_kj."""
    outputs, width = value.shape[1], inputs.shape[0]
    found = []
    for part in parts(points, width):
        unit, column = np.divmod(part.index, outputs)
        weights = weight.array[unit]
        contributions = weights * inputs.array.T[column] * part.sign[:, None]
        walk.audit(contributions, None, part, value)
        support = strongest(contributions, walk.manner.supporters)
        sign = part.sign[support.parent] * signs(weights[support.parent, support.candidate])
        found.append(supported(part, support, support.candidate * outputs + column[support.parent], sign, walk.manner))
    return [(inputs, joined(found))]


def _rows(weight: Value) -> Floats:
    """(outputs, inputs) of a matrix that torch has as (inputs, outputs), mostly a view of the former."""
    turned = weight.data.detach().t()
    return np.ascontiguousarray(turned.float().cpu().numpy())


def against(value: Value, points: Points, rivals: Sequence[int], walk: Walk) -> tuple[Value, list[Points]]:
    """From the answer (N, K) to what went into its last linear layer: C = (W_c - W_rival) x.

    Where the answer is not linear at last, class and rival are followed each, the rival with the other sign.
    """
    rows = points.index // value.shape[1]
    rival = points.moved(
        rows * value.shape[1] + np.asarray(rivals, np.int64)[rows], np.full(len(points), -1, np.float32)
    )
    operation = value.producer
    if operation is None or operation.name not in {"addmm", "mm"} or operation["mat2"].live:
        half = [Points(one.index, one.sign, one.weight / 2, one.picture) for one in (points, rival)]
        return value, half
    inputs = operation["mat1" if operation.name == "addmm" else "self"]
    weights = _rows(operation["mat2"])
    turned = weights[points.index % value.shape[1]] - weights[rival.index % value.shape[1]]
    support = all_positive(turned * inputs.array.reshape(-1, inputs.shape[1])[rows])
    index = rows[support.parent] * inputs.shape[1] + support.candidate
    sign = signs(turned[support.parent, support.candidate])
    return inputs, [supported(points, support, index, sign, walk.manner)]
