"""Fixations by definition, a point at a time: an own, slow computation of the rules in docs/explanation/fixations.md.

It shares no code with the product. It records a pass itself; what an element of an operation's output is made of is the
gradient of that operation alone, and what depends on the picture is what a picture of NaN spoils.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

Key = TypeVar("Key")
SUPPORTERS = 2
CAP = 12
ACTIVATIONS = {"gelu", "silu", "relu", "hardswish", "hardtanh", "mish", "elu", "leaky_relu"}
SAME = ACTIVATIONS | {
    "hardsigmoid", "sigmoid", "tanh", "clamp", "clamp_min", "softplus", "exp", "sqrt", "log", "_prelu_kernel", "clone",
    "detach", "_to_copy", "alias", "dropout", "native_dropout",
}  # fmt: skip
NORMS = {
    "native_batch_norm", "_native_batch_norm_legit_no_training", "native_group_norm", "native_layer_norm",
    "_fused_rms_norm",
}  # fmt: skip
LINEAR = {"mm", "addmm", "bmm", "baddbmm", "mean", "sum", "avg_pool2d", "_adaptive_avg_pool2d"}
GATES = {"sigmoid", "hardsigmoid", "_softmax", "tanh", "rsqrt", "reciprocal", "sqrt"}
MOVES = {
    "view", "_unsafe_view", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select", "split",
    "split_with_sizes", "unbind", "expand", "alias", "detach", "clone", "roll", "flip", "index", "_to_copy",
}  # fmt: skip

Supporters = list[tuple["Value", int, float, float]]
"""(input, flat index, sign relative to the point's, share) of each element that supports a point."""


@dataclass(eq=False)
class Value:
    """A tensor of the pass."""

    data: Tensor
    order: int = -1
    """Number of the call that made it; -1 for pictures and constants."""
    call: Call | None = None
    depends: Tensor | None = None
    """Which elements depend on the picture; None: none does."""


@dataclass(eq=False)
class Call:
    """One operation."""

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Such as `convolution`, of an in-place variant too."""
        return str(self.function.overloadpacket.__name__).removesuffix("_")

    def inputs(self) -> list[Value]:
        return [leaf for leaf in tree_leaves((self.arguments, self.keywords)) if isinstance(leaf, Value)]

    def live(self) -> list[Value]:
        return list(dict.fromkeys(value for value in self.inputs() if value.depends is not None))

    def argument(self, name: str, default: Any = None) -> Any:
        names = [argument.name for argument in self.function._schema.arguments]
        given = dict(zip(names, self.arguments, strict=False)) | self.keywords
        return default if given.get(name) is None else given[name]


class Recording(TorchDispatchMode):
    """Keeps a copy of every tensor of a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.values: dict[int, Value] = {}
        self.alive: list[Tensor] = []

    def value(self, tensor: Tensor) -> Value:
        if id(tensor) not in self.values:
            self.values[id(tensor)] = Value(tensor.detach())
            self.alive.append(tensor)
        return self.values[id(tensor)]

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        arguments, keywords = tree_map_only(Tensor, self.value, (args, kwargs or {}))
        call = Call(function, arguments, keywords)
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                value = self.values[id(tensor)] = Value(tensor.detach().clone(), len(self.calls), call)
                self.alive.append(tensor)
                call.outputs.append(value)
        self.calls.append(call)
        return result


def recorded(model: nn.Module, picture: Tensor) -> tuple[list[Call], Value, Value]:
    """The calls of a pass, the picture and the logits."""
    spoiled, recording = Recording(), Recording()
    with torch.no_grad():
        for one, pixels in ((spoiled, torch.full_like(picture, torch.nan)), (recording, picture)):
            with one:
                logits = model(pixels)
    start = recording.value(picture)
    start.depends = torch.ones_like(picture, dtype=torch.bool)
    for call, twin in zip(recording.calls, spoiled.calls, strict=True):
        for value, other in zip(call.outputs, twin.outputs, strict=True):
            spoiled_here = other.data != other.data  # NaN, also for what cannot hold it
            value.depends = spoiled_here if bool(spoiled_here.any()) else None
    return recording.calls, start, recording.value(logits)


def fixations(model: nn.Module, picture: Tensor, target: int) -> dict[tuple[int, int], float]:
    """(flat index in the picture (1, 3, H, W), sign) -> weight, of the points that support a logit."""
    calls, start, logits = recorded(model, picture)
    pending: dict[int, dict[tuple[int, int], float]] = defaultdict(lambda: defaultdict(float))
    pending[id(logits)][target, 1] = 1.0
    for call in reversed(calls):
        for value in call.outputs:
            for (index, sign), weight in heaviest(pending.pop(id(value), {})):
                for part, place, factor, share in supporters(call, value, index, sign):
                    pending[id(part)][place, sign * (-1 if factor < 0 else 1)] += weight * share
    return dict(heaviest(pending[id(start)]))


def heaviest(points: dict[tuple[int, int], float]) -> list[tuple[tuple[int, int], float]]:
    """The heaviest points; of equal ones the first by index, then the positive one."""
    ordered = sorted(points.items(), key=lambda point: (point[0][0], -point[0][1]))
    kept = {key for key, _ in sorted(ordered, key=lambda point: -point[1])[:CAP]}
    return [point for point in ordered if point[0] in kept]


def supporters(call: Call, value: Value, index: int, sign: int) -> Supporters:
    """What supports an element of a call's output."""
    name = call.name
    if name in SAME or name in NORMS:
        return [(call.live()[0], index, scale(call, value, index) if name in NORMS else 1, 1)]
    if name in LINEAR:
        return linear(call, value, index, sign)
    if name.startswith("_scaled_dot_product"):
        return attention(call, value, index, sign)
    rules = {"convolution": convolution, "mul": gated, "div": gated} | dict.fromkeys(
        ("add", "sub", "addcmul"), addition
    )
    return rules.get(name, moved)(call, value, index, sign)


def gradients(call: Call, value: Value, index: int) -> dict[Value, Tensor]:
    """Derivative of an element of a call's output by each input that depends on the picture, flattened."""
    leaves = {part: part.data.clone().requires_grad_() for part in call.live()}
    with torch.enable_grad():
        arguments, keywords = tree_map_only(
            Value, lambda part: leaves[part].clone() if part in leaves else part.data, (call.arguments, call.keywords)
        )
        results = [part for part in tree_leaves(call.function(*arguments, **keywords)) if isinstance(part, Tensor)]
        element = results[call.outputs.index(value)].flatten()[index]
    found = torch.autograd.grad(element, list(leaves.values()), allow_unused=True)
    return {part: gradient.flatten() for part, gradient in zip(leaves, found, strict=True) if gradient is not None}


def strongest(terms: Sequence[tuple[Key, float]], count: int | None) -> list[tuple[Key, float]]:
    """(candidate, share) of the `count` largest positive terms, of all for None; else the largest term, alone."""
    positive = sorted((term for term in terms if term[1] > 0), key=lambda term: -term[1])[:count]
    if not positive:
        return [(max(terms, key=lambda term: term[1])[0], 1.0)] if terms else []
    total = sum(term for _, term in positive)
    return [(candidate, term / total) for candidate, term in positive]


def linear(call: Call, value: Value, index: int, sign: int) -> Supporters:
    """C = s W x; all positive terms where a row or a mean is all there is of a picture."""
    part = traced(call)
    gradient = gradients(call, value, index)[part]
    assert part.depends is not None
    where = torch.nonzero((gradient != 0) & part.depends.flatten())[:, 0].tolist()
    terms = [(place, sign * float(gradient[place] * part.data.flatten()[place])) for place in where]
    is_row = call.name in {"mm", "addmm"} and value.data.shape[0] == 1 and part is not call.argument("mat2")
    pooled = call.name in {"mean", "sum"} or ("avg_pool" in call.name and math.prod(value.data.shape[2:]) == 1)
    return [
        (part, place, float(gradient[place]), share)
        for place, share in strongest(terms, None if is_row or pooled else SUPPORTERS)
    ]


def traced(call: Call) -> Value:
    """Of two factors that depend on the picture the one that is no attention, else the right one."""
    live = call.live()
    from_softmax = [bool({"_softmax"} & set(makers(part))) for part in live]
    if len(live) == 2 and from_softmax == [False, True]:
        return live[0]
    return live[-1]


def makers(value: Value) -> Iterator[str]:
    """Names of the calls that made a value, back through those that scale or move, to the first other one."""
    while value.call is not None and value.call.live():
        yield value.call.name
        if value.call.name not in MOVES | {"mul", "div", "add"}:
            return
        value = value.call.live()[0]


def maker(value: Value) -> str:
    """Name of the call that made a value, moves aside."""
    while value.call is not None and value.call.name in MOVES and value.call.live():
        value = value.call.live()[0]
    return value.call.name if value.call is not None else ""


@dataclass
class Window:
    """The window of a convolution at one place of its output."""

    call: Call
    unit: int
    at: tuple[int, int]

    @property
    def weight(self) -> Tensor:
        """(units, channels of a group, rows, columns)"""
        return self.call.argument("weight").data

    @property
    def group(self) -> range:
        """The channels that the unit reads."""
        count = self.weight.shape[1]
        first = self.unit // (len(self.weight) // self.call.argument("groups")) * count
        return range(first, first + count)

    def pixel(self, tap: tuple[float, float]) -> tuple[float, float]:
        """Row and column that a tap reads; they may lie on padding."""
        stride, padding, dilation = (self.call.argument(name) for name in ("stride", "padding", "dilation"))
        row, column = (self.at[s] * stride[s] - padding[s] + tap[s] * dilation[s] for s in (0, 1))
        return row, column

    def taps(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Pixel on the map -> its tap."""
        height, width = self.call.argument("input").data.shape[2:]
        taps = {self.pixel(tap): tap for tap in product(*map(range, self.weight.shape[2:]))}
        return {pixel: tap for pixel, tap in taps.items() if 0 <= pixel[0] < height and 0 <= pixel[1] < width}  # type: ignore[misc]

    def center(self) -> tuple[int, int]:
        """The pixel of the center tap, or the nearest one on the map."""
        middle = [(size - 1) // 2 for size in self.weight.shape[2:]]
        taps = self.taps()
        return min(taps, key=lambda pixel: sum((a - b) ** 2 for a, b in zip(taps[pixel], middle, strict=True)))


def convolution(call: Call, value: Value, index: int, sign: int) -> Supporters:
    """C = s W x: the channels with the largest sums over the window, in each the place with the largest product."""
    part = call.argument("input")
    _, unit, *at = coordinates(index, value.data)
    window = Window(call, unit, (at[0], at[1]))
    gradient = gradients(call, value, index)[part].view(part.data.shape)[0]
    terms = sign * gradient * part.data[0]
    height, width = part.data.shape[2:]
    found = []
    for (channel, row, column), share in chosen(window, terms, is_map=value.data.shape[2:].numel() > 1):
        weight = window.weight[unit, channel - window.group[0], *window.taps()[row, column]]
        found.append((part, (channel * height + row) * width + column, float(weight), share))
    return found


def chosen(window: Window, terms: Tensor, *, is_map: bool) -> list[tuple[tuple[int, int, int], float]]:
    """(channel, row, column) and share of the supporters among the terms (C, H, W) of a convolution."""
    taps, channels = window.taps(), window.group
    kernel = window.weight[0, 0].numel()
    by_place = [((channel, *pixel), float(terms[channel, *pixel])) for channel in channels for pixel in taps]
    if not is_map and kernel == len(taps) == terms[0].numel():
        return strongest(by_place, None if kernel == 1 else SUPPORTERS)
    if len(channels) == 1:
        none = max(term for _, term in by_place) <= 0
        return [((channels[0], *window.center()), 1.0)] if none else strongest(by_place, SUPPORTERS)
    sums = {channel: sum(float(terms[channel, *pixel]) for pixel in taps) for channel in channels}
    found = []
    for channel, share in strongest(list(sums.items()), SUPPORTERS):
        best = max(taps, key=lambda pixel: float(terms[channel, *pixel]))
        found.append(((channel, *(window.center() if sums[channel] <= 0 and kernel > 1 else best)), share))
    return found


def coordinates(index: int, data: Tensor) -> list[int]:
    """The index along each axis of the flat index of an element."""
    return [int(number) for number in torch.unravel_index(torch.tensor(index), data.shape)]


def attention(call: Call, value: Value, index: int, sign: int) -> Supporters:
    """C_j = s A_ij V_jd; A is constant."""
    query, key, values = (call.argument(name) for name in ("query", "key", "value"))
    _, head, row, unit = coordinates(index, value.data)
    factor = call.argument("scale", 1 / math.sqrt(query.data.shape[-1]))
    scores = factor * key.data[0, head] @ query.data[0, head, row]
    bias = call.argument("attn_mask") or call.argument("attn_bias")
    if bias is not None:
        scores = scores + bias.data.expand(*value.data.shape[:3], len(scores))[0, head, row]
    terms = sign * scores.softmax(dim=0) * values.data[0, head, :, unit]
    depends = values.depends[0, head, :, unit]
    candidates = [(token, float(term)) for token, term in enumerate(terms) if depends[token]]
    tokens, depth = values.data.shape[2:]
    return [
        (values, (head * tokens + token) * depth + unit, 1, share) for token, share in strongest(candidates, SUPPORTERS)
    ]


def addition(call: Call, value: Value, index: int, sign: int) -> Supporters:
    """The summands by what they contribute; the one that was computed first wins a tie, and a constant is a bias."""
    found = []
    for part, gradient in sorted(gradients(call, value, index).items(), key=lambda pair: pair[0].order):
        place = int(gradient.abs().argmax())
        found.append((part, place, float(gradient[place])))
    if call.name == "addcmul":  # a factor that depends on the picture is one, not a summand
        found.sort(key=lambda entry: entry[0] is not call.argument("self"))
    depends = [entry for entry in found if entry[0].depends.flatten()[entry[1]]]
    if len(found) == 1:
        depends = found
    terms = [
        (number, sign * gradient * float(part.data.flatten()[place]))
        for number, (part, place, gradient) in enumerate(depends)
    ]
    return [(*depends[number], share) for number, share in strongest(terms, SUPPORTERS)]


def gated(call: Call, value: Value, index: int, _: int) -> Supporters:
    """A gate is constant: a number, what does not depend on the picture, the smaller factor, or one that gates."""
    live = call.live()
    part = live[0]
    if len(live) == 2:
        sizes = [one.data.numel() for one in live]
        for names in (GATES, ACTIVATIONS):
            gates = [maker(one) in names for one in live]
            if sizes[0] == sizes[1] and gates[0] != gates[1]:
                part = live[gates[0]]
                break
        if sizes[0] != sizes[1]:
            part = live[sizes[1] > sizes[0]]
    gradient = gradients(call, value, index)[part]
    place = int(gradient.abs().argmax())
    return [(part, place, float(gradient[place]), 1)]


def moved(call: Call, value: Value, index: int, _: int) -> Supporters:
    """The one element that it came from; none where this is padding or a constant."""
    for part, gradient in gradients(call, value, index).items():
        if bool(gradient.any()):
            place = int(gradient.abs().argmax())
            return [(part, place, float(gradient[place]), 1)]
    return []


def scale(call: Call, value: Value, index: int) -> float:
    """The scale of a norm at an element."""
    weight = call.argument("weight")
    if weight is None:
        return 1
    if "batch" in call.name or "group" in call.name:
        return float(weight.data[index // math.prod(value.data.shape[2:]) % len(weight.data)])
    return float(weight.data.flatten()[index % weight.data.numel()])
