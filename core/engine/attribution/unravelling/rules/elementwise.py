"""Operations that leave each position at its place: activations, norms, scales, sums and products."""

from __future__ import annotations

import math

import numpy as np

from core.engine.attribution.unravelling.constants import MOVING
from core.engine.attribution.unravelling.operations import Operation, Reads, Value, origin
from core.engine.attribution.unravelling.points import Floats, Indices, Points, signs, strongest, supported
from core.engine.attribution.unravelling.rules import Followed, Walk, numbers_of, rule

GATES = frozenset({"sigmoid", "hardsigmoid", "_softmax", "softmax", "tanh", "rsqrt", "reciprocal", "sqrt"})
ACTIVATIONS = frozenset({"gelu", "silu", "relu", "hardswish", "hardtanh", "mish", "elu", "leaky_relu"})


@rule(
    "relu", "hardtanh", "gelu", "silu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "leaky_relu", "elu", "celu",
    "clamp", "clamp_min", "mish", "softplus", "native_dropout", "dropout", "_prelu_kernel", "exp", "log", "log1p",
    "sqrt", "erf", "nan_to_num", "masked_fill", "clone", "alias", "detach", "_to_copy", "contiguous", "lift_fresh",
)  # fmt: skip
def activation(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place: what makes it larger before makes it larger after."""
    return [(operation.values[0], points)]


@rule("neg", "rsqrt", "reciprocal", "rsub")
def falling(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place, the other sign; of a constant minus something too."""
    return [(operation.values[0], points.moved(points.index, np.float32(-1) * np.ones_like(points.sign)))]


@rule("pow", reads=numbers_of("self"))
def power(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place, by the sign of the slope."""
    base, exponent = operation.values[0], operation["exponent"]
    falls = exponent < 0
    even = float(exponent) % 2 == 0
    slope = signs(base.flat[points.index]) if even else np.ones_like(points.sign)
    return [(base, points.moved(points.index, -slope if falls else slope))]


@rule("abs", reads=numbers_of("self"))
def absolute(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place, by its sign."""
    (whole,) = operation.values
    return [(whole, points.moved(points.index, signs(whole.flat[points.index])))]


@rule(
    "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "miopen_batch_norm",
    "_native_batch_norm_legit", "batch_norm", "native_group_norm",
)  # fmt: skip
def norm_of_channels(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place; a channel whose scale is negative turns the sign."""
    scale: Value | None = operation.get("weight")
    if scale is None or (scale.flat >= 0).all():
        return [(operation["input"], points)]
    channel = points.index // math.prod(value.shape[2:]) % value.shape[1]
    return [(operation["input"], points.moved(points.index, signs(scale.flat)[channel]))]


@rule("native_layer_norm", "_fused_rms_norm")
def norm_of_rows(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same place, mean and deviation being constants (Ali et al. 2022); a negative scale turns the sign."""
    scale: Value | None = operation.get("weight")
    if scale is None or (scale.flat >= 0).all():
        return [(operation["input"], points)]
    return [(operation["input"], points.moved(points.index, signs(scale.flat)[points.index % scale.size]))]


def _summands(operation: Operation) -> list[Value]:
    """Where there is but one that depends on the pictures, it is followed unread."""
    live = [part for part in operation.values if part.live]
    return live if len(live) > 1 else []


@rule("add", "sub", reads=Reads(_summands))
def addition(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """A sum rests on its larger part, or on both by their shares; a constant part is a bias. Ties go to the skip."""
    first, second = operation["self"], operation["other"]
    turned = -1.0 if operation.name == "sub" else 1.0
    factor = turned * float(operation.get("alpha", 1))
    parts = [(part, sign) for part, sign in ((first, 1.0), (second, factor)) if isinstance(part, Value) and part.live]
    if len(parts) == 1:
        part, sign = parts[0]
        place = broadcast(points.index, value, part)
        return [(part, points.moved(place, _all(points, sign), distinct=part.shape == value.shape))]
    parts.sort(key=lambda entry: _order(entry[0]))  # the skip was there first
    places = [broadcast(points.index, value, part) for part, _ in parts]
    contributions = np.stack(
        [points.sign * np.float32(sign) * part.flat[place] for (part, sign), place in zip(parts, places, strict=True)],
        axis=1,
    )
    for column, ((part, _), place) in enumerate(zip(parts, places, strict=True)):
        if part.mask is not None:
            contributions[~part.mask.cpu().numpy().reshape(-1)[place], column] = -np.inf
    support = strongest(contributions, walk.manner.supporters)
    followed: Followed = []
    for column, ((part, sign), place) in enumerate(zip(parts, places, strict=True)):
        which = support.candidate == column
        if which.any():
            chosen = support.taken(which)
            parent = chosen.parent
            sign_now = points.sign[parent] * np.float32(sign)
            followed.append((part, supported(points, chosen, place[parent], sign_now, walk.manner)))
    return followed


@rule("addcmul", reads=numbers_of("self", "tensor1", "tensor2"))
def scaled_addition(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """value * a * b + input, of which one factor and the rest are constants."""
    live = [part for part in operation.values if part.live]
    if len(live) == 1:
        scale = np.ones(1, np.float32) * float(operation.get("value", 1))
        for part in (operation["tensor1"], operation["tensor2"]):
            if not part.live and live[0] is not operation["self"]:
                scale = scale * part.flat[broadcast(points.index, value, part)]
        return [
            (live[0], points.moved(broadcast(points.index, value, live[0]), signs(np.broadcast_to(scale, len(points)))))
        ]
    skip, first, second = operation["self"], operation["tensor1"], operation["tensor2"]
    factor, gate = (first, second) if first.live else (second, first)
    weight = gate.flat[broadcast(points.index, value, gate)] * np.float32(operation.get("value", 1))
    skip_at, factor_at = broadcast(points.index, value, skip), broadcast(points.index, value, factor)
    contributions = points.sign[:, None] * np.stack([skip.flat[skip_at], weight * factor.flat[factor_at]], axis=1)
    support = strongest(contributions, walk.manner.supporters)
    followed: Followed = []
    for column, (part, place, sign) in enumerate(((skip, skip_at, None), (factor, factor_at, signs(weight)))):
        chosen = support.taken(support.candidate == column)
        turned = points.sign[chosen.parent] * (1 if sign is None else sign[chosen.parent])
        followed.append((part, supported(points, chosen, place[chosen.parent], turned, walk.manner)))
    return followed


def _gate(operation: Operation) -> list[Value]:
    """The factor that is not followed."""
    return _factors(operation)[1:]


def _factors(operation: Operation) -> list[Value]:
    """That which is followed, then its gate; a number is neither."""
    factors = [part for part in (operation["self"], operation["other"]) if isinstance(part, Value)]
    return list(_followed_first(*factors)) if operation.name == "mul" and len(factors) > 1 else factors


@rule("mul", "div", reads=Reads(_gate))
def product(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """A gate is a constant: the other factor is followed, and a negative gate turns the sign."""
    first, *gates = _factors(operation)
    if not gates:
        number = next(part for part in (operation["other"], operation["self"]) if not isinstance(part, Value))
        return [(first, points.moved(points.index, _all(points, float(number))))]
    gate = gates[0].flat[broadcast(points.index, value, gates[0])]
    place = broadcast(points.index, value, first)
    return [(first, points.moved(place, signs(gate), distinct=first.shape == value.shape))]


@rule("where", reads=numbers_of("condition"))
def choice(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Whichever of the two was taken."""
    condition = operation["condition"]
    taken = condition.flat[broadcast(points.index, value, condition)] != 0
    followed: Followed = []
    for part, which in ((operation["self"], taken), (operation["other"], ~taken)):
        if isinstance(part, Value) and part.live and which.any():
            some = points.taken(which)
            followed.append((part, some.moved(broadcast(some.index, value, part), distinct=False)))
    return followed


@rule("maximum", "minimum", reads=numbers_of("self", "other", outputs=slice(1)))
def larger(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """Whichever of the two it is."""
    first, second = operation["self"], operation["other"]
    places = [broadcast(points.index, value, part) for part in (first, second)]
    taken = value.flat[points.index] == first.flat[places[0]]
    followed: Followed = []
    for part, place, which in ((first, places[0], taken), (second, places[1], ~taken)):
        if part.live and which.any():
            followed.append((part, points.taken(which).moved(place[which], distinct=False)))
    return followed


def broadcast(index: Indices, outcome: Value, part: Value) -> Indices:
    """The positions in `part` that positions in `outcome` are made of, where `part` was broadcast."""
    if part.shape == outcome.shape:
        return index
    if part.size == 1:
        return np.zeros_like(index)
    shape = (1,) * (len(outcome.shape) - len(part.shape)) + part.shape
    place, stride, rest = np.zeros_like(index), 1, index
    for size, own in zip(reversed(outcome.shape), reversed(shape), strict=True):
        rest, coordinate = np.divmod(rest, size)
        if own > 1:
            place += coordinate * stride
        stride *= own
    return place


def _followed_first(first: Value, second: Value) -> tuple[Value, Value]:
    """Of two factors the one that is followed, then the gate: a constant, the smaller, or what came from a gate."""
    if first.live != second.live:
        return (first, second) if first.live else (second, first)
    if math.prod(first.shape) != math.prod(second.shape):
        return (first, second) if math.prod(first.shape) > math.prod(second.shape) else (second, first)
    for names in (GATES, ACTIVATIONS):
        made = [(found := origin(part, MOVING)) is not None and found.name in names for part in (first, second)]
        if made[0] != made[1]:
            return (second, first) if made[0] else (first, second)
    return first, second


def _all(points: Points, factor: float) -> Floats:
    return np.full(len(points), -1 if factor < 0 else 1, np.float32)


def _order(value: Value) -> int:
    return -1 if value.producer is None else value.producer.order
