"""Operations on each element: activations, norms, scales, sums and products."""

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
    """The same element: activations count as increasing."""
    return [(operation.values[0], points)]


@rule("neg", "rsqrt", "reciprocal", "rsub")
def falling(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element with the opposite sign; also in a constant minus a value."""
    return [(operation.values[0], points.moved(points.index, np.float32(-1) * np.ones_like(points.sign)))]


@rule("pow", reads=numbers_of("self"))
def power(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element, with the sign of the slope."""
    base, exponent = operation.values[0], operation["exponent"]
    falls = exponent < 0
    even = float(exponent) % 2 == 0
    slope = signs(base.flat[points.index]) if even else np.ones_like(points.sign)
    return [(base, points.moved(points.index, -slope if falls else slope))]


@rule("abs", reads=numbers_of("self"))
def absolute(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element, with its own sign."""
    (whole,) = operation.values
    return [(whole, points.moved(points.index, signs(whole.flat[points.index])))]


@rule(
    "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "miopen_batch_norm",
    "_native_batch_norm_legit", "batch_norm", "native_group_norm",
)  # fmt: skip
def norm_of_channels(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element; a negative scale of the channel flips the sign."""
    scale: Value | None = operation.get("weight")
    if scale is None or (scale.flat >= 0).all():
        return [(operation["input"], points)]
    channel = points.index // math.prod(value.shape[2:]) % value.shape[1]
    return [(operation["input"], points.moved(points.index, signs(scale.flat)[channel]))]


@rule("native_layer_norm", "_fused_rms_norm")
def norm_of_rows(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The same element, with mean and deviation as constants (Ali et al. 2022); a negative scale flips the sign."""
    scale: Value | None = operation.get("weight")
    if scale is None or (scale.flat >= 0).all():
        return [(operation["input"], points)]
    return [(operation["input"], points.moved(points.index, signs(scale.flat)[points.index % scale.size]))]


def _summands(operation: Operation) -> list[Value]:
    """The summands to read: a single one that depends on the pictures is traced unread."""
    live = [part for part in operation.values if part.live]
    return live if len(live) > 1 else []


@rule("add", "sub", reads=Reads(_summands))
def addition(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The larger summand supports a sum, or both by their shares; a constant is a bias. Ties go to the skip."""
    first, second = operation["self"], operation["other"]
    sign_factor = -1.0 if operation.name == "sub" else 1.0
    factor = sign_factor * float(operation.get("alpha", 1))
    parts = [(part, sign) for part, sign in ((first, 1.0), (second, factor)) if isinstance(part, Value) and part.live]
    if len(parts) == 1:
        part, sign = parts[0]
        index_in_part = broadcast(points.index, value, part)
        return [(part, points.moved(index_in_part, _constant_sign(points, sign), distinct=part.shape == value.shape))]
    parts.sort(key=lambda entry: _order(entry[0]))  # the skip connection was computed first
    indices = [broadcast(points.index, value, part) for part, _ in parts]
    contributions = np.stack(
        [
            points.sign * np.float32(sign) * part.flat[index_in_part]
            for (part, sign), index_in_part in zip(parts, indices, strict=True)
        ],
        axis=1,
    )
    for column, ((part, _), index_in_part) in enumerate(zip(parts, indices, strict=True)):
        if part.mask is not None:
            contributions[~part.mask.cpu().numpy().reshape(-1)[index_in_part], column] = -np.inf
    support = strongest(contributions, walk.config.supporters)
    followed: Followed = []
    for column, ((part, sign), index_in_part) in enumerate(zip(parts, indices, strict=True)):
        which = support.candidate == column
        if which.any():
            supporters = support.selected(which)
            parent = supporters.parent
            new_sign = points.sign[parent] * np.float32(sign)
            followed.append((part, supported(points, supporters, index_in_part[parent], new_sign, walk.config)))
    return followed


@rule("addcmul", reads=numbers_of("self", "tensor1", "tensor2"))
def scaled_addition(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """value * a * b + input, where all but `input` and one factor are constants."""
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
    support = strongest(contributions, walk.config.supporters)
    followed: Followed = []
    for column, (part, index_in_part, sign) in enumerate(((skip, skip_at, None), (factor, factor_at, signs(weight)))):
        supporters = support.selected(support.candidate == column)
        new_sign = points.sign[supporters.parent] * (1 if sign is None else sign[supporters.parent])
        followed.append((part, supported(points, supporters, index_in_part[supporters.parent], new_sign, walk.config)))
    return followed


def _gate(operation: Operation) -> list[Value]:
    """The factors that are read: gates, not the one that is traced."""
    return _factors(operation)[1:]


def _factors(operation: Operation) -> list[Value]:
    """The factor that is traced, then its gate; Python numbers are left out."""
    factors = [part for part in (operation["self"], operation["other"]) if isinstance(part, Value)]
    return list(_traced_first(*factors)) if operation.name == "mul" and len(factors) > 1 else factors


@rule("mul", "div", reads=Reads(_gate))
def product(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """A gate is a constant: the other factor is traced, and a negative gate flips the sign."""
    first, *gates = _factors(operation)
    if not gates:
        number = next(part for part in (operation["other"], operation["self"]) if not isinstance(part, Value))
        return [(first, points.moved(points.index, _constant_sign(points, float(number))))]
    gate = gates[0].flat[broadcast(points.index, value, gates[0])]
    index_in_part = broadcast(points.index, value, first)
    return [(first, points.moved(index_in_part, signs(gate), distinct=first.shape == value.shape))]


@rule("where", reads=numbers_of("condition"))
def choice(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The branch that was selected."""
    condition = operation["condition"]
    selected = condition.flat[broadcast(points.index, value, condition)] != 0
    followed: Followed = []
    for part, which in ((operation["self"], selected), (operation["other"], ~selected)):
        if isinstance(part, Value) and part.live and which.any():
            some = points.selected(which)
            followed.append((part, some.moved(broadcast(some.index, value, part), distinct=False)))
    return followed


@rule("maximum", "minimum", reads=numbers_of("self", "other", outputs=slice(1)))
def larger(operation: Operation, value: Value, points: Points, walk: Walk) -> Followed:
    """The operand that was selected."""
    first, second = operation["self"], operation["other"]
    indices = [broadcast(points.index, value, part) for part in (first, second)]
    selected = value.flat[points.index] == first.flat[indices[0]]
    followed: Followed = []
    for part, index_in_part, which in ((first, indices[0], selected), (second, indices[1], ~selected)):
        if part.live and which.any():
            followed.append((part, points.selected(which).moved(index_in_part[which], distinct=False)))
    return followed


def broadcast(index: Indices, output: Value, part: Value) -> Indices:
    """Flat indices in `part` of the elements that were broadcast to the flat indices `index` of `output`."""
    if part.shape == output.shape:
        return index
    if part.size == 1:
        return np.zeros_like(index)
    shape = (1,) * (len(output.shape) - len(part.shape)) + part.shape
    index_in_part, stride, rest = np.zeros_like(index), 1, index
    for size, own in zip(reversed(output.shape), reversed(shape), strict=True):
        rest, coordinate = np.divmod(rest, size)
        if own > 1:
            index_in_part += coordinate * stride
        stride *= own
    return index_in_part


def _traced_first(first: Value, second: Value) -> tuple[Value, Value]:
    """The factor that is traced, then the gate: a constant, the smaller one, or the output of a gating function."""
    if first.live != second.live:
        return (first, second) if first.live else (second, first)
    if math.prod(first.shape) != math.prod(second.shape):
        return (first, second) if math.prod(first.shape) > math.prod(second.shape) else (second, first)
    for names in (GATES, ACTIVATIONS):
        from_gate = [
            (producer := origin(part, MOVING)) is not None and producer.name in names for part in (first, second)
        ]
        if from_gate[0] != from_gate[1]:
            return (second, first) if from_gate[0] else (first, second)
    return first, second


def _constant_sign(points: Points, factor: float) -> Floats:
    return np.full(len(points), -1 if factor < 0 else 1, np.float32)


def _order(value: Value) -> int:
    return -1 if value.producer is None else value.producer.order
