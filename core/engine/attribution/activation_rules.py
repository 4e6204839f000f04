"""Backward rules of activations other than the derivative, for one forward and backward pass."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from core.errors import Undefined

RELUS: Mapping[str, float] = {"relu": math.inf, "relu_": math.inf, "relu6": 6.0}
"""Name -> upper bound of the output."""
BOUNDED = "hardtanh"
"""With a lower bound of 0, it is a ReLU with an upper bound, such as ReLU6."""
SOFT = frozenset({
    "gelu", "silu", "hardswish", "mish", "elu", "selu", "celu", "leaky_relu", "prelu", "rrelu", "softplus",
    "silu_", "hardswish_", "mish_", "elu_", "selu_", "celu_", "leaky_relu_", "rrelu_",
})  # fmt: skip
"""Activations without a hard zero."""
GATES = frozenset({"sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_", "softmax", "tanh", "tanh_"})
"""Gates: they weight other values and keep their derivative."""


class _PositivePass(torch.autograd.Function):
    """An activation that passes back the positive part of the signal; with `guided`, only where it is active itself.

    Active is above 0 and below `upper`: at its upper bound a ReLU6 is inactive, too.
    """

    @staticmethod
    def forward(
        context: Any, values: Tensor, activation: Callable[[Tensor], Tensor], upper: float, guided: bool
    ) -> Tensor:
        output = activation(values)
        context.upper, context.guided = upper, guided
        if guided:
            context.save_for_backward(output)
        return output

    @staticmethod
    def backward(context: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        positive = signal.clamp_min(0)
        if not context.guided:
            return positive, None, None, None
        (output,) = context.saved_tensors
        gated: Tensor = torch.ops.aten.hardtanh_backward(positive, output, 0.0, context.upper)
        return gated, None, None, None


class PositiveSignal(TorchFunctionMode):
    """Within this context, activations pass back only the positive part of the signal (Zeiler and Fergus 2013).

    `guided`: only where they are active (Springenberg 2014). A mode rather than hooks: it also covers functional
    activations and leaves the network untouched. Unless `soft` is set, an activation without a hard zero raises
    Undefined, since the rule is not defined for it.
    """

    def __init__(self, *, guided: bool, soft: bool) -> None:
        super().__init__()
        self.guided, self.soft = guided, soft
        self.overridden: Counter[str] = Counter()
        """Name of an activation -> how many used the rule."""
        self.kept: Counter[str] = Counter()
        """Name of an activation -> how many kept their derivative."""

    def __torch_function__(
        self, function: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by torch for each function on tensors."""
        name, kwargs = getattr(function, "__name__", ""), dict(kwargs or {})
        upper = _upper_bound(name, args, kwargs)
        if upper is not None:
            self.overridden["relu"] += 1
            values = args[0] if args else kwargs["input"]
            return _PositivePass.apply(
                values, partial(functional.hardtanh, min_val=0.0, max_val=upper), upper, self.guided
            )
        if name in SOFT or name == BOUNDED:
            return self._soft(name.rstrip("_"), function, args, kwargs)
        if name in GATES:
            self.kept[name.rstrip("_")] += 1
        return function(*args, **kwargs)

    def _soft(self, name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.soft:
            raise Undefined(
                f"The rule is defined for ReLU only; this network also has {name}. "
                "Set activations to 'all' to apply it to every activation."
            )
        self.overridden[name] += 1
        values, *more = args or (kwargs.pop("input"),)
        return _PositivePass.apply(values, lambda inputs: function(inputs, *more, **kwargs), math.inf, self.guided)

    def summary(self) -> str:
        """The activations that used the rule, such as `17 relu, 3 silu`."""
        return ", ".join(f"{count} {name}" for name, count in self.overridden.items())

    def count(self) -> int:
        """How many activations used the rule. Raises Undefined where none did."""
        if not self.overridden:
            raise Undefined("The rule applies to activations such as ReLU; there is none before the target.")
        return self.overridden.total()


def _upper_bound(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float | None:
    """Upper bound of this ReLU, infinity for most; None where it is no ReLU."""
    if name != BOUNDED:
        return RELUS.get(name)
    arguments = dict(zip(("input", "min_val", "max_val"), args, strict=False)) | dict(kwargs)
    return float(arguments.get("max_val", 1.0)) if arguments.get("min_val", -1.0) == 0 else None
