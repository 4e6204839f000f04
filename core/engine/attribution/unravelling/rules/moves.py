"""Operations that only move numbers: the place that a number came from is found without a look at the numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.engine.attribution.unravelling.operations import Operation, Reads, Value
from core.engine.attribution.unravelling.points import Indices, Points, strongest, supported, unravelled
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.tape import tensors_in


@rule(
    "view", "_unsafe_view", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select",
    "split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "unbind", "expand", "unfold", "diagonal",
)  # fmt: skip
def view(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """A view of memory that lies in order: strides say where each number came from."""
    whole: Value = operation.values[0]
    part: Tensor = operation.once(_views)[operation.outputs.index(value)]
    offset = int(part.storage_offset())
    if part.is_contiguous():
        return [(whole, points.moved(points.index + offset) if offset else points)]
    index = np.full_like(points.index, offset)
    for coordinate, stride in zip(unravelled(points.index, tuple(part.shape)), part.stride(), strict=True):
        index += coordinate * stride
    return [(whole, points.moved(index, distinct=0 not in part.stride()))]


def _views(operation: Operation) -> list[Tensor]:
    """Its outcomes without numbers, as views of a tensor that lies in order."""
    plain = torch.empty(operation.values[0].shape, device="meta")
    return tensors_in(operation.called(lambda _: plain))


@rule("cat", "stack")
def concatenation(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Each point goes to the part that it came from; on a constant part it is lost."""
    listed: list[Value] = [part for part in operation["tensors"] if part.size]
    dimension = operation.get("dim", 0) % len(value.shape)
    stacked = operation.name == "stack"
    coordinates = list(unravelled(points.index, value.shape))
    along = coordinates[dimension]
    sizes = [1 if stacked else part.shape[dimension] for part in listed]
    ends = np.cumsum(sizes)
    which = np.searchsorted(ends, along, side="right")
    followed: Followed = []
    for number, part in enumerate(listed):
        here = which == number
        if not here.any():
            continue
        if not part.live:
            walk.lost += float(points.weight[here].sum())
            continue
        inside = [coordinate[here] for coordinate in coordinates]
        inside[dimension] = inside[dimension] - (ends[number] - sizes[number])
        if stacked:
            del inside[dimension]
        index: Indices = np.ravel_multi_index(inside, part.shape)
        followed.append((part, points.taken(here).moved(index)))
    return followed


@rule(
    "roll", "flip", "index", "index_select", "gather", "repeat", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle", "im2col", "reflection_pad2d", "replication_pad2d", "upsample_nearest2d", "rot90", "as_strided",
    "_unsafe_index", "select_scatter", reads=Reads(lambda operation: _moved_first(operation)[1]),
)  # fmt: skip
def move(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Done again with each number's place in its stead; what comes from nowhere, such as padding, is lost."""
    whole, _ = _moved_first(operation)
    places = torch.arange(1, whole.size + 1, dtype=torch.float64).view(whole.shape)
    moved = operation.called(lambda part: places if part is whole else part.data.cpu())
    outcome: Tensor = moved[operation.outputs.index(value)] if isinstance(moved, list | tuple) else moved
    index = outcome.reshape(-1).numpy()[points.index].astype(np.int64) - 1
    there = index >= 0
    walk.lost += float(points.weight[~there].sum())
    return [(whole, points.taken(there).moved(index[there], distinct=False))]


@rule("constant_pad_nd")
def padding(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place, further to the front; on padding a point is lost."""
    inputs: Value = operation["self"]
    before = [0] * len(inputs.shape)
    for number, count in enumerate(operation["pad"][::2]):
        before[-1 - number] = count
    inside = [one - count for one, count in zip(unravelled(points.index, value.shape), before, strict=True)]
    there = np.ones(len(points), bool)
    for coordinate, size in zip(inside, inputs.shape, strict=True):
        there &= (coordinate >= 0) & (coordinate < size)
    walk.lost += float(points.weight[~there].sum())
    index: Indices = np.ravel_multi_index([coordinate[there] for coordinate in inside], inputs.shape)
    return [(inputs, points.taken(there).moved(index))]


def _moved_first(operation: Operation) -> tuple[Value, list[Value]]:
    """What is moved, then what says where to."""
    whole = next(part for part in operation.values if part.live)
    return whole, [part for part in operation.values if part is not whole]


@rule("upsample_bilinear2d", "upsample_bicubic2d", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa")
def enlargement(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The pixel whose middle lies nearest."""
    inputs = operation.values[0]
    height, width = inputs.shape[2:]
    picture, channel, y, x = unravelled(points.index, value.shape)
    row = ((y * 2 + 1) * height) // (2 * value.shape[2])
    column = ((x * 2 + 1) * width) // (2 * value.shape[3])
    index = ((picture * inputs.shape[1] + channel) * height + row) * width + column
    return [(inputs, points.moved(index, distinct=False))]


@rule("col2im", reads=numbers_of("self"))
def overlap(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Overlapping windows are summed: the numbers that speak for the sum."""
    inputs = operation["self"]
    places = torch.arange(value.size, dtype=torch.float64).view(value.shape)
    arguments = [operation[name] for name in ("kernel_size", "dilation", "padding", "stride")]
    target = torch.ops.aten.im2col(places + 1, *arguments).reshape(-1).numpy().astype(np.int64) - 1
    order = np.argsort(target, kind="stable")
    first, last = (np.searchsorted(target[order], points.index, side=side) for side in ("left", "right"))
    width = int((last - first).max(initial=1))
    slots = first[:, None] + np.arange(width)
    candidates = order[np.minimum(slots, len(order) - 1)]
    there = slots < last[:, None]
    contributions = np.where(there, inputs.flat[candidates] * points.sign[:, None], np.float32(-np.inf))
    support = strongest(contributions, walk.manner.supporters)
    index = candidates[support.parent, support.candidate]
    return [(inputs, supported(points, support, index, points.sign[support.parent], walk.manner))]
