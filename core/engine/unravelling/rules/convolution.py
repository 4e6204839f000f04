"""Convolutions: the channel that contributes the most, and in it the place that does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.engine.unravelling.points import (
    Flags,
    Floats,
    Indices,
    Points,
    Support,
    all_positive,
    joined,
    parts,
    signs,
    strongest,
    supported,
    unravelled,
)
from core.engine.unravelling.rules import Followed, Walk, numbers_of, rule
from core.engine.unravelling.tape import Operation, Value
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

    @property
    def within(self) -> bool:
        """Whether no window sees padding or, as in a pool with `ceil_mode`, looks over the edge."""
        last = [
            (count - 1) * step - before + (size - 1) * apart
            for count, step, before, size, apart in zip(
                self.outputs[2:], self.stride, self.padding, self.kernel, self.dilation, strict=True
            )
        ]
        return self.padding == (0, 0) and last[0] < self.inputs[2] and last[1] < self.inputs[3]

    def taps(self, y: Indices, x: Indices) -> tuple[Indices, Flags]:
        """Of places (P,) of the outcome: which pixels of a channel (P, taps) they see, and which of these there are."""
        (height, width), (down, across) = self.inputs[2:], self.kernel
        rows = (y * self.stride[0] - self.padding[0])[:, None] + np.arange(down) * self.dilation[0]
        columns = (x * self.stride[1] - self.padding[1])[:, None] + np.arange(across) * self.dilation[1]
        if self.within:
            pixels = rows[:, :, None] * width + columns[:, None, :]
            return pixels.reshape(len(y), -1), np.ones((len(y), down * across), bool)
        there = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
        pixels = np.clip(rows, 0, height - 1)[:, :, None] * width + np.clip(columns, 0, width - 1)[:, None, :]
        return pixels.reshape(len(y), -1), there.reshape(len(y), -1)


def geometry(operation: Operation, value: Value) -> Geometry:
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
        outputs=four(value.shape),
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
    shape = geometry(operation, value)
    units, channels = weight.shape[:2]
    taps, area = math.prod(shape.kernel), math.prod(shape.inputs[2:])
    kernels = weight.array.reshape(units, channels, taps)
    numbers = _numbers(inputs, shape, len(points) * taps)
    found = []
    for part in parts(points, channels * taps):
        picture, unit, y, x = unravelled(part.index, shape.outputs)
        pixels, there = shape.taps(y, x)
        block = picture * shape.groups + unit // (units // shape.groups)
        products = kernels.take(unit, axis=0)
        products *= numbers(block, pixels)
        if (part.sign < 0).any():
            products *= part.sign[:, None, None]
        if not there.all():
            products *= there[:, None, :]
        walk.audit(products, None if bias is None else bias.flat[unit], part, value)
        support, tap = _chosen(products, there, shape, walk, pointwise=taps == 1)
        parent, channel = support.parent, support.candidate
        sign = part.sign[parent] * signs(kernels[unit[parent], channel, tap])
        index = (block[parent] * channels + channel) * area + pixels[parent, tap]
        found.append(supported(part, support, index, sign, walk.manner))
    return [(inputs, joined(found))]


def _numbers(inputs: Value, shape: Geometry, count: int) -> Callable[[Indices, Indices], Floats]:
    """Gives of blocks of channels (P,) and pixels (P, taps) the numbers there (P, channels, taps).

    Where more pixels are looked at (`count`) than there are, each pixel's channels are laid side by side first.
    """
    channels, area = shape.inputs[1] // shape.groups, math.prod(shape.inputs[2:])
    maps = inputs.array.reshape(-1, channels, area)
    if channels > 1 and count < len(maps) * area:
        return lambda block, pixels: maps[block[:, None], :, pixels].transpose(0, 2, 1)
    rows = np.ascontiguousarray(maps.transpose(0, 2, 1)).reshape(-1, channels)
    return lambda block, pixels: rows.take(block[:, None] * area + pixels, axis=0).transpose(0, 2, 1)


def _chosen(products: Floats, there: Flags, shape: Geometry, walk: Walk, *, pointwise: bool) -> tuple[Support, Indices]:
    """Which channels support the points, and at which tap."""
    count, channels, taps = products.shape
    if shape.outputs[2:] == (1, 1) and there.all() and taps == shape.inputs[2] * shape.inputs[3]:
        support = _fully(products.reshape(count, -1), walk, pointwise=pointwise)
        return _split(support, taps)
    if channels == 1:
        best = strongest(_inside(products[:, 0], there), walk.manner.places)
        tap = _stayed(best, best.candidate, there, shape)
        return Support(best.parent, np.zeros_like(tap), best.share, best.stays), tap
    if pointwise:
        support = strongest(products[:, :, 0], walk.manner.supporters)
        return support, np.zeros_like(support.candidate)
    support = strongest(products.sum(axis=2), walk.manner.supporters)
    inside = _inside(products[support.parent, support.candidate], there[support.parent])
    return support, _stayed(support, inside.argmax(axis=1), there, shape)


def _inside(products: Floats, there: Flags) -> Floats:
    """Padding supports nothing."""
    return products if there.all() else np.where(there, products, np.float32(-np.inf))


def _stayed(support: Support, tap: Indices, there: Flags, shape: Geometry) -> Indices:
    """These taps, and the middle for points without a supporter."""
    if support.stays.any():
        tap = tap.copy()
        tap[support.stays] = _nearest(there[support.parent[support.stays]], shape)
    return tap


def _fully(products: Floats, walk: Walk, *, pointwise: bool) -> Support:
    """A convolution that covers the map is a fully connected layer; of a whole map only the strongest count."""
    return all_positive(products) if pointwise else strongest(products, walk.manner.supporters)


def _split(support: Support, taps: int) -> tuple[Support, Indices]:
    channel, tap = np.divmod(support.candidate, taps)
    return Support(support.parent, channel, support.share, support.stays), tap


def _nearest(there: Flags, shape: Geometry) -> Indices:
    """The tap in the middle of each window (P, taps), or that next to it which is no padding."""
    down, across = shape.kernel
    y, x = np.divmod(np.arange(down * across), across)
    distance = (y - (down - 1) // 2) ** 2 + (x - (across - 1) // 2) ** 2
    nearest: Indices = np.where(there, distance, distance.max() + 1).argmin(axis=1)
    return nearest
