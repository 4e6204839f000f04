"""How activations pass a signal back: other rules than the derivative, for one forward and backward pass."""

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
"""Name -> upper end."""
BOUNDED = "hardtanh"
"""Where it begins at 0, it is a ReLU with an upper end, such as ReLU6."""
SOFT = frozenset({
    "gelu", "silu", "hardswish", "mish", "elu", "selu", "celu", "leaky_relu", "prelu", "rrelu", "softplus",
    "silu_", "hardswish_", "mish_", "elu_", "selu_", "celu_", "leaky_relu_", "rrelu_",
})  # fmt: skip
"""Activations that let something of what lies below zero through."""
GATES = frozenset({"sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_", "softmax", "tanh", "tanh_"})
"""They weigh other values: their derivative stays."""


class _Passing(torch.autograd.Function):
    """An activation that passes back the positive part of the signal, where `guided` only where it is itself on.

    On is above 0, and below `most`: at its upper end a ReLU6 is off, too.
    """

    @staticmethod
    def forward(
        context: Any, values: Tensor, activation: Callable[[Tensor], Tensor], most: float, guided: bool
    ) -> Tensor:
        output = activation(values)
        context.most, context.guided = most, guided
        if guided:
            context.save_for_backward(output)
        return output

    @staticmethod
    def backward(context: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        positive = signal.clamp_min(0)
        if not context.guided:
            return positive, None, None, None
        (output,) = context.saved_tensors
        on: Tensor = torch.ops.aten.hardtanh_backward(positive, output, 0.0, context.most)
        return on, None, None, None


class PositiveSignal(TorchFunctionMode):
    """While this lasts, activations drop what is negative in the signal on its way back (Zeiler and Fergus 2013).

    `guided`: they also drop it where they are off (Springenberg 2014). A mode rather than hooks on modules: it meets
    every activation that runs, the functional ones too, and nothing of the network is touched. Where `soft` is not set,
    an activation without a hard zero raises Undefined, since the rule has no meaning there.
    """

    def __init__(self, *, guided: bool, soft: bool) -> None:
        super().__init__()
        self.guided, self.soft = guided, soft
        self.overridden: Counter[str] = Counter()
        """Name of an activation -> how many of them ran by the rule."""
        self.left: Counter[str] = Counter()
        """Of those that kept their derivative."""

    def __torch_function__(
        self, function: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Torch calls this for each function on tensors."""
        name, kwargs = getattr(function, "__name__", ""), dict(kwargs or {})
        most = _upper_end(name, args, kwargs)
        if most is not None:
            self.overridden["relu"] += 1
            values = args[0] if args else kwargs["input"]
            return _Passing.apply(values, partial(functional.hardtanh, min_val=0.0, max_val=most), most, self.guided)
        if name in SOFT or name == BOUNDED:
            return self._soft(name.rstrip("_"), function, args, kwargs)
        if name in GATES:
            self.left[name.rstrip("_")] += 1
        return function(*args, **kwargs)

    def _soft(self, name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.soft:
            raise Undefined(
                f"The rule is defined for ReLU, which is zero or passes on; this network also has {name}. "
                "Set activations to 'all' for a variant that is named as such."
            )
        self.overridden[name] += 1
        values, *more = args or (kwargs.pop("input"),)
        return _Passing.apply(values, lambda given: function(given, *more, **kwargs), math.inf, self.guided)

    def words(self) -> str:
        """The activations that ran by the rule: `17 relu, 3 silu`."""
        return ", ".join(f"{count} {name}" for name, count in self.overridden.items())

    def counted(self) -> int:
        """How many activations ran by the rule. Raises Undefined where none did."""
        if not self.overridden:
            raise Undefined("The rule is about activations such as ReLU, and none lies before what is explained.")
        return self.overridden.total()


def _upper_end(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float | None:
    """Where this ReLU ends, infinity for most of them; None where it is no ReLU."""
    if name != BOUNDED:
        return RELUS.get(name)
    named = dict(zip(("input", "min_val", "max_val"), args, strict=False)) | dict(kwargs)
    return float(named.get("max_val", 1.0)) if named.get("min_val", -1.0) == 0 else None
