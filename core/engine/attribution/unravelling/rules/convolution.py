"""Convolutions: the channels that contribute most, and in each the position that does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.engine.attribution.unravelling.operations import Operation, Value
from core.engine.attribution.unravelling.points import (
    Flags,
    Floats,
    Indices,
    Points,
    Support,
    all_positive,
    batch_slices,
    concatenated,
    signs,
    strongest,
    supported,
    unravel_index,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.errors import Undefined


@dataclass(frozen=True)
class Geometry:
    """Geometry of a 2d convolution; a 1d convolution has a height of 1."""

    inputs: tuple[int, ...]
    """(N, C, H, W)"""
    outputs: tuple[int, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def taps(self, y: Indices, x: Indices) -> tuple[Indices, Flags | None]:
        """Flat pixels (P, taps) in the window of each output position (P,), and which are on the map; None: all.

        The index of a pixel beyond the map is arbitrary.
        """
        corner = (y * self.stride[0] - self.padding[0]) * self.inputs[3] + (x * self.stride[1] - self.padding[1])
        pixels = corner[:, None] + self._steps
        if self._sides is None:
            return pixels, None
        rows, columns = self._sides
        return pixels, rows.take(y, axis=0) & columns.take(x, axis=0)

    @cached_property
    def _steps(self) -> Indices:
        """Offsets from a window's first pixel, (taps,)."""
        down, across = (np.arange(size) * step for size, step in zip(self.kernel, self.dilation, strict=True))
        steps: Indices = (down[:, None] * self.inputs[3] + across).reshape(-1)
        return steps

    @cached_property
    def _sides(self) -> tuple[Flags, Flags] | None:
        """Which taps are on the map, (rows, taps) and (columns, taps); None: all."""
        if self._within(0) and self._within(1):
            return None
        return self._inside(0).repeat(self.kernel[1], axis=1), np.tile(self._inside(1), self.kernel[0])

    def _within(self, side: int) -> bool:
        """Whether no window reaches beyond the map along `side`, into padding or, as in some pools, over the edge."""
        last = (self.outputs[2 + side] - 1) * self.stride[side] + (self.kernel[side] - 1) * self.dilation[side]
        return self.padding[side] == 0 and last < self.inputs[2 + side]

    def _inside(self, side: int) -> Flags:
        """Which taps of each output position are on the map along `side`, (positions, taps)."""
        corners = np.arange(self.outputs[2 + side]) * self.stride[side] - self.padding[side]
        positions = corners[:, None] + np.arange(self.kernel[side]) * self.dilation[side]
        on_map: Flags = (positions >= 0) & (positions < self.inputs[2 + side])
        return on_map


def geometry(operation: Operation) -> Geometry:
    """Geometry of a convolution. Raises Undefined unless it is a plain one over one or two dimensions."""
    inputs, weight = operation["input"], operation["weight"]
    dimensions = len(weight.shape) - 2
    transposed = operation.get("transposed", False)
    if dimensions > 2 or transposed:
        kind = "a transposed convolution" if transposed else f"a convolution over {dimensions} dimensions"
        raise Undefined(f"fixations cannot be traced through {kind}")

    def pair(values: list[int], default: int) -> tuple[int, int]:
        sizes = list(values) * dimensions if len(values) == 1 else list(values)
        return (default, sizes[0]) if dimensions == 1 else (sizes[0], sizes[1])

    def shape_2d(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:2], 1, *shape[2:]) if dimensions == 1 else shape

    return Geometry(
        inputs=shape_2d(inputs.shape),
        outputs=shape_2d(operation.outputs[0].shape),
        kernel=pair(list(weight.shape[2:]), 1),
        stride=pair(operation.get("stride", [1]), 1),
        padding=pair(operation.get("padding", [0]), 0),
        dilation=pair(operation.get("dilation", [1]), 1),
        groups=operation.get("groups", 1),
    )


@rule("convolution", "conv2d", reads=numbers_of("input"))
def convolution(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s W x over the window: the channels with the largest sums, in each the pixel with the largest product."""
    inputs, weight, bias = operation["input"], operation["weight"], operation.get("bias")
    shape: Geometry = operation.cached_result(geometry)
    units, channels = weight.shape[:2]
    taps, area = math.prod(shape.kernel), math.prod(shape.inputs[2:])
    kernels = weight.array.reshape(units, channels, taps)
    read = _reader(inputs, shape, len(points) * taps)
    picture, unit, y, x = unravel_index(points.index, shape.outputs)
    block = picture * shape.groups + unit // (units // shape.groups)
    pixels, on_map = shape.taps(y, x)
    followed = []
    for batch in batch_slices(len(points), channels * taps):
        part, own_unit, own_map = points.selected(batch), unit[batch], None if on_map is None else on_map[batch]
        products = kernels.take(own_unit, axis=0)
        products *= read(block[batch], pixels[batch])
        if (part.sign < 0).any():
            products *= part.sign[:, None, None]
        if own_map is not None:
            products *= own_map[:, None, :]
        walk.audit(products, None if bias is None else bias.flat[own_unit], part, value)
        support, tap = _supporters(products, own_map, shape, walk)
        parent, channel = support.parent, support.candidate
        weights = weight.flat.take((own_unit.take(parent) * channels + channel) * taps + tap)
        index = (block[batch].take(parent) * channels + channel) * area + pixels[batch].take(parent * taps + tap)
        followed.append(supported(part, support, index, part.sign.take(parent) * signs(weights), walk.config))
    return [(inputs, concatenated(followed))]


def _reader(inputs: Value, shape: Geometry, count: int) -> Callable[[Indices, Indices], Floats]:
    """A function from blocks of channels (P,) and pixels (P, taps) to the values there (P, channels, taps).

    Where more pixels are read (`count`) than exist, channels are made contiguous first. Values beyond the map are
    arbitrary.
    """
    channels, area = shape.inputs[1] // shape.groups, math.prod(shape.inputs[2:])
    maps = inputs.array.reshape(-1, channels, area)
    if channels > 1 and count < len(maps) * area:
        return lambda block, pixels: maps[block[:, None], :, pixels.clip(0, area - 1)].transpose(0, 2, 1)
    rows = np.ascontiguousarray(maps.transpose(0, 2, 1)).reshape(-1, channels)
    return lambda block, pixels: rows.take(block[:, None] * area + pixels, axis=0, mode="clip").transpose(0, 2, 1)


def _supporters(products: Floats, on_map: Flags | None, shape: Geometry, walk: Walk) -> tuple[Support, Indices | int]:
    """The supporting channels of each point, and the tap of each supporter."""
    count, channels, taps = products.shape
    if shape.outputs[2:] == (1, 1) and on_map is None and taps == shape.inputs[2] * shape.inputs[3]:
        return _split(_full_support(products.reshape(count, -1), walk, pointwise=taps == 1), taps)
    if channels == 1:
        support = strongest(_masked(products[:, 0], on_map), walk.config.places)
        tap = _or_center(support, support.candidate, on_map, shape)
        return Support(support.parent, np.zeros_like(tap), support.share, support.stays), tap
    if taps == 1:
        return strongest(products[:, :, 0], walk.config.supporters), 0
    support = strongest(products.sum(axis=2), walk.config.supporters)
    parent = support.parent
    masked = _masked(products[parent, support.candidate], None if on_map is None else on_map[parent])
    return support, _or_center(support, masked.argmax(axis=1), on_map, shape)


def _masked(products: Floats, on_map: Flags | None) -> Floats:
    """Products (P, taps) with padding at -inf: it supports nothing."""
    return products if on_map is None else np.where(on_map, products, np.float32(-np.inf))


def _or_center(support: Support, tap: Indices, on_map: Flags | None, shape: Geometry) -> Indices:
    """The taps, with the center for points without a positive supporter."""
    if not support.stays.any():
        return tap
    center = _center_tap(support.parent[support.stays], on_map, shape)
    tap = tap.copy()
    tap[support.stays] = center
    return tap


def _full_support(products: Floats, walk: Walk, *, pointwise: bool) -> Support:
    """Support in a convolution that covers the map: for one pixel all positive (fully connected), else strongest."""
    return all_positive(products) if pointwise else strongest(products, walk.config.supporters)


def _split(support: Support, taps: int) -> tuple[Support, Indices]:
    channel, tap = np.divmod(support.candidate, taps)
    return Support(support.parent, channel, support.share, support.stays), tap


def _center_tap(indices: Indices, on_map: Flags | None, shape: Geometry) -> Indices:
    """The center tap of these windows, or the nearest one that is not padding."""
    down, across = shape.kernel
    y, x = np.divmod(np.arange(down * across), across)
    distance = (y - (down - 1) // 2) ** 2 + (x - (across - 1) // 2) ** 2
    tap = np.full(len(indices), distance.argmin())
    if on_map is not None:
        padded = np.flatnonzero(~on_map[indices, tap])
        tap[padded] = np.where(on_map[indices[padded]], distance, distance.max() + 1).argmin(axis=1)
    return tap
