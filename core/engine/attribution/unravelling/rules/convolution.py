"""Convolutions: the channel that contributes the most, and in it the place that does."""

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
    joined,
    pieces,
    signs,
    strongest,
    supported,
    unravelled,
)
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule
from core.errors import Undefined


@dataclass(frozen=True)
class Geometry:
    """A convolution over two dimensions; over one it has a height of 1."""

    inputs: tuple[int, ...]
    """(N, C, H, W)"""
    outputs: tuple[int, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def taps(self, y: Indices, x: Indices) -> tuple[Indices, Flags | None]:
        """Of places (P,) of the outcome: which pixels of a channel (P, taps) they see, and which of these there are.

        None: all. The number of a pixel that is not there can be any.
        """
        corner = (y * self.stride[0] - self.padding[0]) * self.inputs[3] + (x * self.stride[1] - self.padding[1])
        pixels = corner[:, None] + self._steps
        if self._sides is None:
            return pixels, None
        rows, columns = self._sides
        return pixels, rows.take(y, axis=0) & columns.take(x, axis=0)

    @cached_property
    def _steps(self) -> Indices:
        """(taps,): from a window's first pixel to each."""
        down, across = (np.arange(size) * step for size, step in zip(self.kernel, self.dilation, strict=True))
        steps: Indices = (down[:, None] * self.inputs[3] + across).reshape(-1)
        return steps

    @cached_property
    def _sides(self) -> tuple[Flags, Flags] | None:
        """(rows, taps) and (columns, taps): which taps are on the map; None: all."""
        if self._within(0) and self._within(1):
            return None
        return self._inside(0).repeat(self.kernel[1], axis=1), np.tile(self._inside(1), self.kernel[0])

    def _within(self, side: int) -> bool:
        """Whether no window sees padding there or, as some pools do, looks over the edge."""
        last = (self.outputs[2 + side] - 1) * self.stride[side] + (self.kernel[side] - 1) * self.dilation[side]
        return self.padding[side] == 0 and last < self.inputs[2 + side]

    def _inside(self, side: int) -> Flags:
        """(places, taps) along one side: which taps of each place are on the map."""
        corners = np.arange(self.outputs[2 + side]) * self.stride[side] - self.padding[side]
        seen = corners[:, None] + np.arange(self.kernel[side]) * self.dilation[side]
        found: Flags = (seen >= 0) & (seen < self.inputs[2 + side])
        return found


def geometry(operation: Operation) -> Geometry:
    """Its numbers. Raises Undefined for what is no convolution over one or two dimensions."""
    inputs, weight = operation["input"], operation["weight"]
    dimensions = len(weight.shape) - 2
    turned = operation.get("transposed", False)
    if dimensions > 2 or turned:
        kind = "a transposed convolution" if turned else f"a convolution over {dimensions} dimensions"
        raise Undefined(f"the fixations cannot be traced through {kind}")

    def two(numbers: list[int], filler: int) -> tuple[int, int]:
        wide = list(numbers) * dimensions if len(numbers) == 1 else list(numbers)
        return (filler, wide[0]) if dimensions == 1 else (wide[0], wide[1])

    def four(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:2], 1, *shape[2:]) if dimensions == 1 else shape

    return Geometry(
        inputs=four(inputs.shape),
        outputs=four(operation.outputs[0].shape),
        kernel=two(list(weight.shape[2:]), 1),
        stride=two(operation.get("stride", [1]), 1),
        padding=two(operation.get("padding", [0]), 0),
        dilation=two(operation.get("dilation", [1]), 1),
        groups=operation.get("groups", 1),
    )


@rule("convolution", "conv2d", reads=numbers_of("input"))
def convolution(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s W x over the window: the channels of the largest sums, in each the pixel of the largest product."""
    inputs, weight, bias = operation["input"], operation["weight"], operation.get("bias")
    shape: Geometry = operation.once(geometry)
    units, channels = weight.shape[:2]
    taps, area = math.prod(shape.kernel), math.prod(shape.inputs[2:])
    kernels = weight.array.reshape(units, channels, taps)
    numbers = _numbers(inputs, shape, len(points) * taps)
    picture, unit, y, x = unravelled(points.index, shape.outputs)
    block = picture * shape.groups + unit // (units // shape.groups)
    pixels, there = shape.taps(y, x)
    found = []
    for piece in pieces(len(points), channels * taps):
        part, own, where = points.taken(piece), unit[piece], None if there is None else there[piece]
        products = kernels.take(own, axis=0)
        products *= numbers(block[piece], pixels[piece])
        if (part.sign < 0).any():
            products *= part.sign[:, None, None]
        if where is not None:
            products *= where[:, None, :]
        walk.audit(products, None if bias is None else bias.flat[own], part, value)
        support, tap = _chosen(products, where, shape, walk)
        parent, channel = support.parent, support.candidate
        weights = weight.flat.take((own.take(parent) * channels + channel) * taps + tap)
        index = (block[piece].take(parent) * channels + channel) * area + pixels[piece].take(parent * taps + tap)
        found.append(supported(part, support, index, part.sign.take(parent) * signs(weights), walk.manner))
    return [(inputs, joined(found))]


def _numbers(inputs: Value, shape: Geometry, count: int) -> Callable[[Indices, Indices], Floats]:
    """Gives of blocks of channels (P,) and pixels (P, taps) the numbers there (P, channels, taps).

    Where more pixels are looked at (`count`) than there are, each pixel's channels are laid side by side first. What is
    asked for outside of the map is any number.
    """
    channels, area = shape.inputs[1] // shape.groups, math.prod(shape.inputs[2:])
    maps = inputs.array.reshape(-1, channels, area)
    if channels > 1 and count < len(maps) * area:
        return lambda block, pixels: maps[block[:, None], :, pixels.clip(0, area - 1)].transpose(0, 2, 1)
    rows = np.ascontiguousarray(maps.transpose(0, 2, 1)).reshape(-1, channels)
    return lambda block, pixels: rows.take(block[:, None] * area + pixels, axis=0, mode="clip").transpose(0, 2, 1)


def _chosen(products: Floats, there: Flags | None, shape: Geometry, walk: Walk) -> tuple[Support, Indices | int]:
    """Which channels support the points, and at which tap."""
    count, channels, taps = products.shape
    if shape.outputs[2:] == (1, 1) and there is None and taps == shape.inputs[2] * shape.inputs[3]:
        return _split(_fully(products.reshape(count, -1), walk, pointwise=taps == 1), taps)
    if channels == 1:
        best = strongest(_inside(products[:, 0], there), walk.manner.places)
        tap = _stayed(best, best.candidate, there, shape)
        return Support(best.parent, np.zeros_like(tap), best.share, best.stays), tap
    if taps == 1:
        return strongest(products[:, :, 0], walk.manner.supporters), 0
    support = strongest(products.sum(axis=2), walk.manner.supporters)
    parent = support.parent
    inside = _inside(products[parent, support.candidate], None if there is None else there[parent])
    return support, _stayed(support, inside.argmax(axis=1), there, shape)


def _inside(products: Floats, there: Flags | None) -> Floats:
    """Padding supports nothing."""
    return products if there is None else np.where(there, products, np.float32(-np.inf))


def _stayed(support: Support, tap: Indices, there: Flags | None, shape: Geometry) -> Indices:
    """These taps, and the middle for points without a supporter."""
    if not support.stays.any():
        return tap
    middle = _nearest(support.parent[support.stays], there, shape)
    tap = tap.copy()
    tap[support.stays] = middle
    return tap


def _fully(products: Floats, walk: Walk, *, pointwise: bool) -> Support:
    """A convolution that covers the map is a fully connected layer; of a whole map only the strongest count."""
    return all_positive(products) if pointwise else strongest(products, walk.manner.supporters)


def _split(support: Support, taps: int) -> tuple[Support, Indices]:
    channel, tap = np.divmod(support.candidate, taps)
    return Support(support.parent, channel, support.share, support.stays), tap


def _nearest(which: Indices, there: Flags | None, shape: Geometry) -> Indices:
    """The tap in the middle of these windows, or that next to it which is no padding."""
    down, across = shape.kernel
    y, x = np.divmod(np.arange(down * across), across)
    distance = (y - (down - 1) // 2) ** 2 + (x - (across - 1) // 2) ** 2
    tap = np.full(len(which), distance.argmin())
    if there is not None:
        off = np.flatnonzero(~there[which, tap])
        tap[off] = np.where(there[which[off]], distance, distance.max() + 1).argmin(axis=1)
    return tap
