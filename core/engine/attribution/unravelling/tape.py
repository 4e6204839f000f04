"""A record of one forward pass: every operation with its inputs and outputs.

Recording happens below autograd, where torch has some two hundred plain operations: `einsum` is products and
permutations, a linear layer on tokens is a view and a matrix product, a composite is its parts.

Of the tensors that depend on the pictures, only those are kept that a rule will read; all others are freed during the
pass, as without a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.engine.attribution.unravelling import constants
from core.engine.attribution.unravelling.operations import COMPOSITE, Operation, Reads, Schema, Value, schema_of
from core.errors import Undefined


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not typed it
    """Records the operations inside the context; points are traced back to `pictures`.

    `reads`: name of an operation -> the values whose data to keep.
    """

    def __init__(self, pictures: Tensor, reads: Callable[[str], Reads]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        """Operations that depend on the pictures."""
        self.calls: list[Operation] = []
        """All operations, those on constants alone too, in the order of the pass."""
        self.functions: set[Any] = set()
        """All functions that were called, decomposed composites included."""
        self.pictures = Value(pictures, live=True)
        self._reads = reads
        self._values: dict[int, Value] = {id(pictures): self.pictures}
        self._kept_values: list[Value] = []

    def value(self, tensor: Tensor) -> Value:
        """The current value of this tensor."""
        value = self._values.get(id(tensor))
        if value is None or not value.is_value_of(tensor):
            value = self._values[id(tensor)] = Value(tensor, live=False)
        return value

    def keep_data(self, tensor: Tensor) -> Value:
        """The current value of this tensor, with its data kept."""
        value = self.value(tensor)
        self._keep([value])
        return value

    def break_cycles(self) -> None:
        """Break reference cycles between values and operations, so that memory is freed without garbage collection."""
        for operation in self.operations:
            operation.outputs.clear()

    def finish(self) -> None:
        """Drop the map from tensors to values: recording has ended."""
        self._values.clear()
        self._kept_values.clear()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        schema = schema_of(function)
        self.functions.add(function)
        values, arguments = self._arguments(schema, args, kwargs)
        is_constant = not _passes_on(values) or _only_orders(function, args)
        if schema.composite and not is_constant:
            with self:
                return function._op_dk(COMPOSITE, *args, **kwargs)  # noqa: SLF001  `decompose` may differ
        operation = Operation(function, schema, arguments, values, len(self.operations))
        self.calls.append(operation)
        if is_constant:
            result = function(*args, **kwargs)
            operation.outputs = [self.value(tensor) for tensor in tensors_in(result)]
            return result
        reads = self._reads(schema.name)
        self._keep(reads.inputs(operation))
        if schema.writes:
            self._before_writing(operation, args[0])
        result = function(*args, **kwargs)
        self._record(operation, args[0] if schema.writes else result, reads)
        return result

    def _arguments(
        self, schema: Schema, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[list[Value], dict[str, Any]]:
        """The values among the arguments, and all arguments by name."""
        values: list[Value] = []
        arguments = dict(zip(schema.arguments, args, strict=False)) | kwargs
        for name in schema.tensors:
            if name in arguments:
                arguments[name] = self._valued(arguments[name], values)
        return values, arguments

    def _valued(self, argument: Any, values: list[Value]) -> Any:
        """The argument with its tensors replaced by values, in lists too; these are appended to `values`."""
        if isinstance(argument, Tensor):
            values.append(self.value(argument))
            return values[-1]
        if isinstance(argument, list | tuple):
            return [self._valued(part, values) for part in argument]
        return argument

    def _record(self, operation: Operation, result: Any, reads: Reads) -> None:
        for tensor in tensors_in(result):
            value = self._values[id(tensor)] = Value(tensor, live=True, producer=operation)
            operation.outputs.append(value)
        self._keep(operation.outputs[reads.outputs])
        if operation.outputs:
            constants.set_masks(operation)
        self.operations.append(operation)

    def _keep(self, values: Iterable[Value]) -> None:
        for value in values:
            value.keep()
            self._kept_values.append(value)

    def _before_writing(self, operation: Operation, target: Tensor) -> None:
        """Keep the previous content of `target`, and of all values that share its memory, for earlier operations."""
        memory = target.untyped_storage().data_ptr()
        for value in {*self._values.values(), *self._kept_values}:
            if value.memory == memory:
                value.stale = not value.is_value_of(target)
                if value.is_kept:
                    value.copy_data()
                    operation.copied.append(value)


def tensors_in(result: Any) -> list[Tensor]:
    """The tensors in the result of a call."""
    return [part for part in (result if isinstance(result, list | tuple) else [result]) if isinstance(part, Tensor)]


def _passes_on(values: list[Value]) -> bool:
    """Whether any value depends on the pictures. Raises Undefined where this is unknown."""
    depends = False
    for value in values:
        if value.stale:
            raise Undefined("fixations cannot be traced through a write into a part of a tensor")
        depends = depends or value.live
    return depends


def _only_orders(function: Any, args: Sequence[Any]) -> bool:
    """Whether the call changes the memory layout of a tensor alone."""
    return function is torch.ops.aten.as_strided_.default and list(args[1]) == list(args[0].shape)


Record = tuple[Tape, Value, dict[str, Value]]
"""Record of one pass: the operations, the logits, and the outputs of the layers by name."""


Pick = Callable[[str, Any], Tensor]
"""(name of a module, what it returned) -> the tensor of it that is meant."""


def only(_: str, output: Any) -> Tensor:
    """What a module returned, where this is one tensor."""
    tensor: Tensor = output
    return tensor


def taped(
    network: nn.Module,
    pictures: Tensor,
    reads: Callable[[str], Reads],
    layers: Sequence[str] = (),
    pick: Pick = only,
) -> Record:
    """Record of `network(pictures)`, with the picked outputs of the modules `layers`. Raises Undefined."""
    outputs: dict[str, Value] = {}
    tape = Tape(pictures, reads)
    hooks = [
        network.get_submodule(name).register_forward_hook(_keeping(name, pick, tape, outputs))
        for name in dict.fromkeys(layers)
    ]
    try:
        with torch.inference_mode(), tape:
            logits = network(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return tape, tape.keep_data(logits), outputs


def _keeping(name: str, pick: Pick, tape: Tape, outputs: dict[str, Value]) -> Any:
    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if name not in outputs:  # of a module that runs several times, the first output, as elsewhere
            outputs[name] = tape.keep_data(pick(name, output))

    return keep
