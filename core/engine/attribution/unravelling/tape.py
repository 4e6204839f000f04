"""A record of one forward pass: every operation with what went in and what came out.

It is taken below autograd, where everything that torch offers has become some two hundred plain operations: `einsum` is
products and permutations, a linear layer on tokens is a view and a matrix product, a composite is its parts.

Of what depends on the pictures only the numbers are kept that a rule will read; the memory of all others is used again
while the pass runs, as it is without a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.engine.attribution.unravelling import constants
from core.engine.attribution.unravelling.operations import COMPOSITE, Declared, Operation, Reads, Value, declared
from core.errors import Undefined


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not typed it
    """Records what runs inside; `pictures` are what everything is followed back to.

    `reads` says of the name of an operation what to keep.
    """

    def __init__(self, pictures: Tensor, reads: Callable[[str], Reads]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        """Those that pass on something of the pictures."""
        self.calls: list[Operation] = []
        """These and what was done beside them, with constants alone, in the order of the pass."""
        self.functions: set[Any] = set()
        """All that were called, those too that were taken apart."""
        self.pictures = Value(pictures, live=True)
        self._reads = reads
        self._values: dict[int, Value] = {id(pictures): self.pictures}
        self._kept: list[Value] = []

    def value(self, tensor: Tensor) -> Value:
        """What this tensor is now."""
        found = self._values.get(id(tensor))
        if found is None or not found.stands_for(tensor):
            found = self._values[id(tensor)] = Value(tensor, live=False)
        return found

    def kept(self, tensor: Tensor) -> Value:
        """The same, and its numbers are kept."""
        value = self.value(tensor)
        self._keep([value])
        return value

    def forget(self) -> None:
        """Undo the circles of values and operations, so that the memory is free as soon as nothing refers to it."""
        for operation in self.operations:
            operation.outputs.clear()

    def finish(self) -> None:
        """Forget which tensors the values were of: nothing more is recorded."""
        self._values.clear()
        self._kept.clear()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known = declared(function)
        self.functions.add(function)
        values, named = self._arguments(known, args, kwargs)
        beside = not _passes_on(values) or _only_orders(function, args)
        if known.composite and not beside:
            with self:
                return function._op_dk(COMPOSITE, *args, **kwargs)  # noqa: SLF001  `decompose` may take other parts
        operation = Operation(function, known, named, values, len(self.operations))
        self.calls.append(operation)
        if beside:
            result = function(*args, **kwargs)
            operation.outputs = [self.value(tensor) for tensor in tensors_in(result)]
            return result
        reads = self._reads(known.name)
        self._keep(reads.inputs(operation))
        if known.writes:
            self._before_writing(operation, args[0])
        result = function(*args, **kwargs)
        self._record(operation, args[0] if known.writes else result, reads)
        return result

    def _arguments(
        self, known: Declared, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[list[Value], dict[str, Any]]:
        """The tensors among them, and all by their names."""
        values: list[Value] = []
        named = dict(zip(known.arguments, args, strict=False)) | kwargs
        for name in known.tensors:
            if name in named:
                named[name] = self._valued(named[name], values)
        return values, named

    def _valued(self, argument: Any, values: list[Value]) -> Any:
        """With values for tensors, also those in a list; `values` is added to."""
        if isinstance(argument, Tensor):
            values.append(self.value(argument))
            return values[-1]
        if isinstance(argument, list | tuple):
            return [self._valued(one, values) for one in argument]
        return argument

    def _record(self, operation: Operation, result: Any, reads: Reads) -> None:
        for tensor in tensors_in(result):
            value = self._values[id(tensor)] = Value(tensor, live=True, producer=operation)
            operation.outputs.append(value)
        self._keep(operation.outputs[reads.outputs])
        if operation.outputs:
            constants.spread(operation)
        self.operations.append(operation)

    def _keep(self, values: Iterable[Value]) -> None:
        for value in values:
            value.keep()
            self._kept.append(value)

    def _before_writing(self, operation: Operation, target: Tensor) -> None:
        """What `target` and whatever shares its memory was stays with the operations before this one."""
        memory = target.untyped_storage().data_ptr()
        for value in {*self._values.values(), *self._kept}:
            if value.memory == memory:
                value.stale = not value.stands_for(target)
                if value.is_kept:
                    value.apart()
                    operation.apart.append(value)


def tensors_in(result: Any) -> list[Tensor]:
    """Those that a call gave."""
    return [one for one in (result if isinstance(result, list | tuple) else [result]) if isinstance(one, Tensor)]


def _passes_on(values: list[Value]) -> bool:
    """Whether anything of the pictures is among them. Raises Undefined where it cannot be said what is."""
    found = False
    for value in values:
        if value.stale:
            raise Undefined("the fixations cannot be traced through a write into a part of a tensor")
        found = found or value.live
    return found


def _only_orders(function: Any, args: Sequence[Any]) -> bool:
    """Whether it gives a tensor another order in memory and leaves the numbers at their places."""
    return function is torch.ops.aten.as_strided_.default and list(args[1]) == list(args[0].shape)


Record = tuple[Tape, Value, dict[str, Value]]
"""Of one pass: the operations, the answer, and what the layers gave that were asked for."""


def taped(network: nn.Module, pictures: Tensor, reads: Callable[[str], Reads], layers: Sequence[str] = ()) -> Record:
    """The record of `network(pictures)`, its answer, and what the modules of these names gave. Raises Undefined."""
    found: dict[str, Value] = {}
    tape = Tape(pictures, reads)
    hooks = [
        network.get_submodule(name).register_forward_hook(_keeping(name, tape, found)) for name in dict.fromkeys(layers)
    ]
    try:
        with torch.inference_mode(), tape:
            answer = network(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return tape, tape.kept(answer), found


def _keeping(name: str, tape: Tape, found: dict[str, Value]) -> Any:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        found[name] = tape.kept(output[0] if isinstance(output, tuple | list) else output)

    return keep
