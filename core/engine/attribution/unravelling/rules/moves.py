"""Operations that only move elements: their source is found without reading values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.engine.attribution.unravelling.operations import Operation, Reads, Value
from core.engine.attribution.unravelling.points import Indices, Points, strongest, supported, unravel_index
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.attribution.unravelling.tape import tensors_in


@rule(
    "view", "_unsafe_view", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select",
    "split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "unbind", "expand", "unfold", "diagonal",
)  # fmt: skip
def view(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """A view of contiguous memory: strides give the source of each element."""
    whole: Value = operation.values[0]
    part: Tensor = operation.cached_result(_views)[operation.outputs.index(value)]
    offset = int(part.storage_offset())
    if part.is_contiguous():
        return [(whole, points.moved(points.index + offset) if offset else points)]
    index = np.full_like(points.index, offset)
    for coordinate, stride in zip(unravel_index(points.index, tuple(part.shape)), part.stride(), strict=True):
        index += coordinate * stride
    return [(whole, points.moved(index, distinct=0 not in part.stride()))]


def _views(operation: Operation) -> list[Tensor]:
    """The operation's outputs as views of a contiguous tensor without data."""
    plain = torch.empty(operation.values[0].shape, device="meta")
    return tensors_in(operation.run(lambda _: plain))


@rule("cat", "stack")
def concatenation(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Each point moves to the part it came from; on a constant part it is lost."""
    parts: list[Value] = [part for part in operation["tensors"] if part.size]
    dimension = operation.get("dim", 0) % len(value.shape)
    is_stack = operation.name == "stack"
    coordinates = list(unravel_index(points.index, value.shape))
    along = coordinates[dimension]
    sizes = [1 if is_stack else part.shape[dimension] for part in parts]
    ends = np.cumsum(sizes)
    part_of_point = np.searchsorted(ends, along, side="right")
    followed: Followed = []
    for number, part in enumerate(parts):
        on_part = part_of_point == number
        if not on_part.any():
            continue
        if not part.live:
            walk.lost += float(points.weight[on_part].sum())
            continue
        coordinates_in_part = [coordinate[on_part] for coordinate in coordinates]
        coordinates_in_part[dimension] = coordinates_in_part[dimension] - (ends[number] - sizes[number])
        if is_stack:
            del coordinates_in_part[dimension]
        index: Indices = np.ravel_multi_index(coordinates_in_part, part.shape)
        followed.append((part, points.selected(on_part).moved(index)))
    return followed


@rule(
    "roll", "flip", "index", "index_select", "gather", "repeat", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle", "im2col", "reflection_pad2d", "replication_pad2d", "upsample_nearest2d", "rot90", "as_strided",
    "_unsafe_index", "select_scatter", reads=Reads(lambda operation: _moved_first(operation)[1]),
)  # fmt: skip
def move(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The operation runs on flat indices in place of values; points without a source, such as padding, are lost."""
    whole, _ = _moved_first(operation)
    places = torch.arange(1, whole.size + 1, dtype=torch.float64).view(whole.shape)
    moved = operation.run(lambda part: places if part is whole else part.data.cpu())
    output: Tensor = moved[operation.outputs.index(value)] if isinstance(moved, list | tuple) else moved
    index = output.reshape(-1).numpy()[points.index].astype(np.int64) - 1
    has_source = index >= 0
    walk.lost += float(points.weight[~has_source].sum())
    return [(whole, points.selected(has_source).moved(index[has_source], distinct=False))]


@rule("constant_pad_nd")
def padding(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element without the offset of the padding; points on padding are lost."""
    inputs: Value = operation["self"]
    offsets = [0] * len(inputs.shape)
    for number, count in enumerate(operation["pad"][::2]):
        offsets[-1 - number] = count
    coordinates_in_part = [
        coordinate - count for coordinate, count in zip(unravel_index(points.index, value.shape), offsets, strict=True)
    ]
    has_source = np.ones(len(points), bool)
    for coordinate, size in zip(coordinates_in_part, inputs.shape, strict=True):
        has_source &= (coordinate >= 0) & (coordinate < size)
    walk.lost += float(points.weight[~has_source].sum())
    index: Indices = np.ravel_multi_index([coordinate[has_source] for coordinate in coordinates_in_part], inputs.shape)
    return [(inputs, points.selected(has_source).moved(index))]


def _moved_first(operation: Operation) -> tuple[Value, list[Value]]:
    """The value that is moved, then the values that hold indices."""
    whole = next(part for part in operation.values if part.live)
    return whole, [part for part in operation.values if part is not whole]


@rule("upsample_bilinear2d", "upsample_bicubic2d", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa")
def upsampling(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The pixel whose center is nearest."""
    inputs = operation.values[0]
    height, width = inputs.shape[2:]
    picture, channel, y, x = unravel_index(points.index, value.shape)
    row = ((y * 2 + 1) * height) // (2 * value.shape[2])
    column = ((x * 2 + 1) * width) // (2 * value.shape[3])
    index = ((picture * inputs.shape[1] + channel) * height + row) * width + column
    return [(inputs, points.moved(index, distinct=False))]


@rule("col2im", reads=numbers_of("self"))
def overlap(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Overlapping windows are summed: the strongest summands support the sum."""
    inputs = operation["self"]
    places = torch.arange(value.size, dtype=torch.float64).view(value.shape)
    arguments = [operation[name] for name in ("kernel_size", "dilation", "padding", "stride")]
    target = torch.ops.aten.im2col(places + 1, *arguments).reshape(-1).numpy().astype(np.int64) - 1
    order = np.argsort(target, kind="stable")
    first, last = (np.searchsorted(target[order], points.index, side=side) for side in ("left", "right"))
    width = int((last - first).max(initial=1))
    slots = first[:, None] + np.arange(width)
    candidates = order[np.minimum(slots, len(order) - 1)]
    has_source = slots < last[:, None]
    contributions = np.where(has_source, inputs.flat[candidates] * points.sign[:, None], np.float32(-np.inf))
    support = strongest(contributions, walk.config.supporters)
    index = candidates[support.parent, support.candidate]
    return [(inputs, supported(points, support, index, points.sign[support.parent], walk.config))]
