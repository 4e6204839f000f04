"""A record of one forward pass: every operation with what went in and what came out.

It is taken below autograd, where everything that torch offers has become some two hundred plain operations: `einsum` is
products and permutations, a linear layer on tokens is a view and a matrix product, a composite is its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from core.engine.unravelling import constants
from core.errors import Undefined

Floats = NDArray[np.float32]


@dataclass(eq=False)
class Value:
    """A tensor at one moment of the pass: an in-place write makes another value of it."""

    data: Tensor
    live: bool
    """Whether it depends on the pictures at all."""
    producer: Operation | None = None
    """None for pictures, weights and other constants."""
    mask: Tensor | None = None
    """True where a live value depends on the pictures; None: everywhere."""
    stale: bool = False
    """Something of the pictures was written to another tensor that shares its memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @cached_property
    def array(self) -> Floats:
        """The numbers in the order of their indices, on the CPU."""
        return np.ascontiguousarray(self.data.detach().float().cpu().numpy())

    @cached_property
    def flat(self) -> Floats:
        """The same as (numel,)."""
        return self.array.reshape(-1)


@dataclass(eq=False)
class Operation:
    """One call: `named` holds the arguments by the names of torch's own declaration, tensors as `Value`."""

    function: Any
    named: dict[str, Any]
    outputs: list[Value] = field(default_factory=list)
    order: int = 0

    @property
    def name(self) -> str:
        """Such as `convolution`; what is written in place has the same name, as it is traced the same."""
        return str(self.function.overloadpacket.__name__).removesuffix("_")

    @cached_property
    def values(self) -> list[Value]:
        """The tensors that go in."""
        found: list[Value] = []
        for argument in self.named.values():
            if isinstance(argument, Value):
                found.append(argument)
            elif isinstance(argument, list):
                found += [one for one in argument if isinstance(one, Value)]
        return found

    def called(self, made: Callable[[Value], Tensor]) -> Any:
        """What it gives when the tensors that `made` makes stand for those that went in."""
        arguments = tree_map_only(Value, made, self.named)
        declared = schema(self.function).arguments
        alone = [one.name for one in declared if one.kwarg_only]
        positional = [arguments[one.name] for one in declared if one.name in arguments and not one.kwarg_only]
        return self.function(*positional, **{name: arguments[name] for name in alone if name in arguments})

    def __getitem__(self, name: str) -> Any:
        return self.named[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or `default` where it was not given."""
        found = self.named.get(name)
        return default if found is None else found


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not typed it
    """Records what runs inside; `pictures` are what everything is followed back to."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.pictures = Value(pictures, live=True)
        self._values: dict[int, Value] = {id(pictures): self.pictures}
        self._kept: list[Tensor] = []  # a freed tensor's id would be given to another

    def value(self, tensor: Tensor) -> Value:
        """What this tensor is now."""
        found = self._values.get(id(tensor))
        if found is None:
            found = self._values[id(tensor)] = Value(tensor, live=False)
            self._kept.append(tensor)
        return found

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        named = dict(zip(_declared(function), args, strict=False)) | kwargs
        known = {name: self._known(argument) for name, argument in named.items()}
        operation = Operation(function, known, order=len(self.operations))
        if any(value.stale for value in operation.values):
            raise Undefined("the fixations cannot be traced through a write into a part of a tensor")
        if not any(value.live for value in operation.values):
            return function(*args, **kwargs)
        if function is torch.ops.aten.as_strided_.default and list(args[1]) == list(args[0].shape):
            return function(*args, **kwargs)  # another order in memory, the same numbers
        written = self._before_writing(function, args)
        result = function(*args, **kwargs)
        self._record(operation, result if written is None else written)
        return result

    def _known(self, argument: Any) -> Any:
        """An argument with values for tensors, also those in a list."""
        if isinstance(argument, Tensor):
            return self.value(argument)
        if isinstance(argument, list | tuple):
            return [self._known(one) for one in argument]
        return argument

    def _record(self, operation: Operation, result: Any) -> None:
        for tensor in result if isinstance(result, list | tuple) else [result]:
            if isinstance(tensor, Tensor):
                value = Value(tensor, live=True, producer=operation)
                self._values[id(tensor)] = value
                self._kept.append(tensor)
                operation.outputs.append(value)
        if operation.outputs:
            constants.spread(operation)
        self.operations.append(operation)

    def _before_writing(self, function: Any, args: Sequence[Any]) -> Tensor | None:
        """The tensor that this call writes to; what it was stays with the operations before."""
        if not schema(function).is_mutable:
            return None
        target: Tensor = args[0]
        memory = target.untyped_storage().data_ptr()
        for value in self._values.values():
            if value.data.untyped_storage().data_ptr() == memory:
                value.stale = value.data is not target
                value.data = value.data.clone()
        return target


def taped(network: nn.Module, pictures: Tensor, layers: Sequence[str] = ()) -> tuple[Tape, Value, dict[str, Value]]:
    """The record of `network(pictures)`, its answer, and what the modules of these names gave. Raises Undefined."""
    found: dict[str, Value] = {}
    tape = Tape(pictures)
    hooks = [
        network.get_submodule(name).register_forward_hook(_keeping(name, tape, found)) for name in dict.fromkeys(layers)
    ]
    try:
        with torch.no_grad(), tape:
            answer = network(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return tape, tape.value(answer), found


def _keeping(name: str, tape: Tape, found: dict[str, Value]) -> Any:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple | list) else output
        found[name] = tape.value(tensor)

    return keep


def schema(function: Any) -> Any:
    """torch's own declaration of an operation: its arguments, and whether it writes into them."""
    return function._schema  # noqa: SLF001  there is no other way to it


@lru_cache(maxsize=1024)
def _declared(function: Any) -> tuple[str, ...]:
    """The names of its arguments, in order."""
    return tuple(argument.name for argument in schema(function).arguments)


def origin(value: Value, through: frozenset[str]) -> Operation | None:
    """The operation that made this value, behind those that only pass it on."""
    while (operation := value.producer) is not None and operation.name in through:
        live = next(_live(operation), None)
        if live is None:
            return operation
        value = live
    return operation


def _live(operation: Operation) -> Iterator[Value]:
    return (value for value in operation.values if value.live)
