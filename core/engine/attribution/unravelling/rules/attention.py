"""Products of two tensors that both depend on the picture: attention, whose weights count as constants."""

from __future__ import annotations

import math

import numpy as np

from core.engine.attribution.unravelling.constants import MOVING
from core.engine.attribution.unravelling.operations import Operation, Value, origin
from core.engine.attribution.unravelling.points import (
    Floats,
    Indices,
    Points,
    batched,
    concatenated,
    signs,
    strongest,
    supported,
    unravel_index,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.errors import Undefined

SOFTMAX = frozenset({"_softmax", "softmax", "_safe_softmax"})
BEHIND = MOVING | {"mul", "div", "native_dropout", "add"}


@rule("bmm", "baddbmm", reads=numbers_of("self", "mat2", "batch1", "batch2"))
def weighted_rows(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """z_ij = sum_k A_ik V_kj: the factor that came from a softmax is the constant, else the left one."""
    left, right = (operation[name] for name in _factors(operation))
    transposed = left.live and (not right.live or _is_softmax(right))
    factor, gate = (left, right) if transposed else (right, left)
    matrices = [value.array.reshape(-1, *value.shape[-2:]) for value in (factor, gate)]
    width = left.shape[-1]
    followed = []
    for batch in batched(points, width):
        matrix, row, column = unravel_index(batch.index, (matrices[0].shape[0], *value.shape[-2:]))
        if transposed:
            values, weights = matrices[0][matrix, row], matrices[1][matrix, :, column]
        else:
            values, weights = matrices[0][matrix, :, column], matrices[1][matrix, row]
        contributions = weights * values * batch.sign[:, None]
        if operation.name in {"bmm", "mm"}:
            walk.audit(contributions, None, batch, value)
        inner = np.arange(width)
        index = (row[:, None], inner) if transposed else (inner, column[:, None])
        place = (matrix[:, None] * matrices[0].shape[1] + index[0]) * matrices[0].shape[2] + index[1]
        followed.append(_supporters(batch, contributions, weights, place, factor, walk))
    return [(factor, concatenated(followed))]


@rule(
    "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_attention_math", "_scaled_dot_product_fused_attention_overrideable",
    reads=numbers_of("query", "key", "value", "attn_mask", "attn_bias"),
)  # fmt: skip
def attention(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C_j = s A_ij V_jd over tokens j; A is a constant, recomputed for the rows that have points."""
    if value is not operation.outputs[0]:
        return []
    query, key, values = (operation[name] for name in ("query", "key", "value"))
    heads, shared = query.shape[1], query.shape[1] // values.shape[1]
    tokens, depth = values.shape[2], values.shape[3]
    followed = []
    for batch in batched(points, tokens):
        picture, head, row, unit = unravel_index(batch.index, (query.shape[0], heads, query.shape[2], depth))
        weights = _attention_rows(operation, query, key, picture, head, row)
        plane = picture * values.shape[1] + head // shared
        place = (plane[:, None] * tokens + np.arange(tokens)) * depth + unit[:, None]
        contributions = weights * values.flat[place] * batch.sign[:, None]
        walk.audit(contributions, None, batch, value)
        followed.append(_supporters(batch, contributions, weights, place, values, walk))
    return [(values, concatenated(followed))]


@rule("_softmax", "softmax", "_safe_softmax")
def softmax(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Raises Undefined: attention weights are constants."""
    raise Undefined("fixations cannot be traced into attention weights")


def _supporters(
    points: Points, contributions: Floats, weights: Floats, place: Indices, values: Value, walk: Walk
) -> Points:
    if values.mask is not None:
        contributions[~values.mask.cpu().numpy().reshape(-1)[place]] = -np.inf
    support = strongest(contributions, walk.config.supporters)
    sign = points.sign[support.parent] * signs(weights[support.parent, support.candidate])
    return supported(points, support, place[support.parent, support.candidate], sign, walk.config)


def _attention_rows(
    operation: Operation, query: Value, key: Value, picture: Indices, head: Indices, row: Indices
) -> Floats:
    """softmax(scale q K^T + bias) of these rows, (P, tokens)."""
    rows, inverse = np.unique(np.stack([picture, head, row]), axis=1, return_inverse=True)
    shared = query.shape[1] // key.shape[1]
    scale = np.float32(operation.get("scale") or 1 / math.sqrt(query.shape[3]))
    scores = np.empty((rows.shape[1], key.shape[2]), np.float32)
    groups, start = np.unique(rows[0] * query.shape[1] + rows[1], return_index=True)
    for group, first, end in zip(groups, start, [*start[1:], rows.shape[1]], strict=True):
        image, head_index = divmod(int(group), query.shape[1])
        scores[first:end] = (
            query.array[image, head_index, rows[2, first:end]] @ key.array[image, head_index // shared].T
        )
    scores *= scale
    bias: Value | None = operation.get("attn_mask") or operation.get("attn_bias")
    if bias is not None:
        full = np.broadcast_to(bias.array, (query.shape[0], query.shape[1], query.shape[2], key.shape[2]))
        scores += full[rows[0], rows[1], rows[2]]
    if operation.get("is_causal"):
        scores[np.arange(key.shape[2]) > rows[2][:, None]] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores[inverse.reshape(-1)]


def _factors(operation: Operation) -> tuple[str, str]:
    return {"bmm": ("self", "mat2"), "mm": ("self", "mat2"), "addmm": ("mat1", "mat2")}.get(
        operation.name, ("batch1", "batch2")
    )


def _is_softmax(value: Value) -> bool:
    producer = origin(value, BEHIND)
    return producer is not None and producer.name in SOFTMAX
