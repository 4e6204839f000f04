"""Convolutions: the channel that contributes the most, and in it the place that does."""

from __future__ import annotations

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
from core.engine.unravelling.rules import Followed, Walk, rule
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

    def taps(self, y: Indices, x: Indices) -> tuple[Indices, Flags]:
        """Of places (P,) of the outcome: which pixels of a channel (P, taps) they see, and which of these there are."""
        (height, width), (down, across) = self.inputs[2:], self.kernel
        rows = (y * self.stride[0] - self.padding[0])[:, None] + np.arange(down) * self.dilation[0]
        columns = (x * self.stride[1] - self.padding[1])[:, None] + np.arange(across) * self.dilation[1]
        there = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
        pixels = np.clip(rows, 0, height - 1)[:, :, None] * width + np.clip(columns, 0, width - 1)[:, None, :]
        return pixels.reshape(len(y), -1), there.reshape(len(y), -1)


def geometry(operation: Operation, value: Value) -> Geometry:
    """Its numbers. Raises Undefined for what is no convolution over one or two dimensions."""
    inputs, weight = operation["input"], operation["weight"]
    dimensions = len(weight.shape) - 2
    if dimensions > 2 or operation["transposed"]:
        kind = "a transposed convolution" if operation["transposed"] else f"a convolution over {dimensions} dimensions"
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
        stride=two(operation["stride"], 1),
        padding=two(operation["padding"], 0),
        dilation=two(operation["dilation"], 1),
        groups=operation["groups"],
    )


@rule("convolution")
def convolution(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """C = s W x over the window: the channels of the largest sums, in each the pixel of the largest product."""
    inputs, weight, bias = operation["input"], operation["weight"], operation.get("bias")
    shape = geometry(operation, value)
    channels = weight.shape[1]
    taps = shape.kernel[0] * shape.kernel[1]
    kernels = weight.array.reshape(weight.shape[0], channels, taps)
    found = []
    for part in parts(points, channels * taps):
        picture, unit, y, x = unravelled(part.index, shape.outputs)
        pixels, there = shape.taps(y, x)
        first = (picture * shape.inputs[1] + unit // (weight.shape[0] // shape.groups) * channels)[:, None]
        plane = (first + np.arange(channels)) * (shape.inputs[2] * shape.inputs[3])  # (P, channels)
        weights = kernels[unit]
        products = weights * inputs.flat[plane[:, :, None] + pixels[:, None, :]]
        products *= part.sign[:, None, None]
        if not there.all():
            products *= there[:, None, :]
        walk.audit(products, None if bias is None else bias.flat[unit], part, value)
        support, tap = _chosen(products, there, shape, walk, pointwise=taps == 1)
        sign = part.sign[support.parent] * signs(weights[support.parent, support.candidate, tap])
        index = plane[support.parent, support.candidate] + pixels[support.parent, tap]
        found.append(supported(part, support, index, sign, walk.manner))
    return [(inputs, joined(found))]


def _chosen(products: Floats, there: Flags, shape: Geometry, walk: Walk, *, pointwise: bool) -> tuple[Support, Indices]:
    """Which channels support the points, and at which tap."""
    count, channels, taps = products.shape
    if shape.outputs[2:] == (1, 1) and there.all() and taps == shape.inputs[2] * shape.inputs[3]:
        support = _fully(products.reshape(count, -1), walk, pointwise=pointwise)
        return _split(support, taps)
    if channels == 1:
        best = strongest(np.where(there, products[:, 0], -np.inf), walk.manner.places)
        tap = np.where(best.stays, _nearest(there, shape)[best.parent], best.candidate)
        return Support(best.parent, np.zeros_like(tap), best.share, best.stays), tap
    support = strongest(products[:, :, 0] if pointwise else products.sum(axis=2), walk.manner.supporters)
    if pointwise:
        return support, np.zeros_like(support.candidate)
    inside = np.where(there[support.parent], products[support.parent, support.candidate], -np.inf)
    return support, np.where(support.stays, _nearest(there, shape)[support.parent], inside.argmax(axis=1))


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
