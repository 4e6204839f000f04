"""A record of one forward pass: every operation with what went in and what came out.

It is taken below autograd, where everything that torch offers has become some two hundred plain operations: `einsum` is
products and permutations, a linear layer on tokens is a view and a matrix product, a composite is its parts.

Of what depends on the pictures only the numbers are kept that a rule will read; the memory of all others is used again
while the pass runs, as it is without a record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from core.engine.unravelling import constants
from core.errors import Undefined

Floats = NDArray[np.float32]

COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd  # noqa: SLF001  there is no other way to these two
_has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key  # noqa: SLF001
WHOLE = frozenset({torch.ops.aten.conv2d.default, torch.ops.aten.batch_norm.default})
"""Composites that have a rule as they are: frequent, so that taking them apart would cost."""


class Value:
    """A tensor at one moment of the pass: an in-place write makes another value of it."""

    def __init__(self, tensor: Tensor, *, live: bool, producer: Operation | None = None) -> None:
        self.shape = tuple(tensor.shape)
        self.device = tensor.device
        self.live = live
        """Whether it depends on the pictures at all."""
        self.producer = producer
        """None for pictures, weights and other constants."""
        self.mask: Tensor | None = None
        """True where a live value depends on the pictures; None: everywhere."""
        self.stale = False
        """Something of the pictures was written to another tensor that shares its memory."""
        self._passing = ref(tensor)
        self._kept = None if live else tensor

    def stands_for(self, tensor: Tensor) -> bool:
        """Whether it is this tensor, and not one that was freed and had the same `id`."""
        return self._passing() is tensor

    def keep(self) -> None:
        """Keep the numbers beyond the pass. Constants always are."""
        if self._kept is None:
            self._kept = self._passing()

    @property
    def is_kept(self) -> bool:
        """Whether the numbers are there beyond the pass."""
        return self._kept is not None

    def take(self, tensor: Tensor) -> None:
        """Keep these numbers: another pass gave them."""
        self._kept = tensor

    def release(self, *, wholly: bool) -> None:
        """Let go what was made of the numbers for the way back, and, `wholly`, the numbers too."""
        self.__dict__.pop("array", None)
        self.__dict__.pop("flat", None)
        if wholly:
            self._kept = None

    def apart(self) -> None:
        """Keep the numbers, if any are kept, apart from memory that is about to be written to."""
        if self._kept is not None:
            self._kept = self._kept.clone()

    @property
    def memory(self) -> int | None:
        """Where the numbers lie, if they are kept or the pass still uses them."""
        tensor = self._kept if self._kept is not None else self._passing()
        return None if tensor is None else tensor.untyped_storage().data_ptr()

    @property
    def data(self) -> Tensor:
        """The tensor. RuntimeError where it was not kept: a rule has to say what it reads."""
        if self._kept is None:
            raise RuntimeError(f"numbers {self.shape} were read on the way back that no rule has said it reads")
        return self._kept

    @cached_property
    def size(self) -> int:
        """How many numbers these are."""
        return math.prod(self.shape)

    @cached_property
    def array(self) -> Floats:
        """The numbers in the order of their indices, on the CPU."""
        return np.ascontiguousarray(self.data.detach().float().cpu().numpy())

    @cached_property
    def flat(self) -> Floats:
        """The same as (numel,)."""
        return self.array.reshape(-1)


@dataclass(frozen=True)
class Declared:
    """What torch says of an operation."""

    name: str
    """Such as `convolution`; what is written in place has the same name, as it is traced the same."""
    arguments: tuple[str, ...]
    tensors: tuple[str, ...]
    """Which of these are tensors, or lists of them."""
    by_name: frozenset[str]
    """Which of these are never given by their place."""
    writes: bool
    """Into its first argument."""
    composite: bool
    """Whether it is but calls of others."""


@lru_cache(maxsize=1024)
def declared(function: Any) -> Declared:
    """Looked up once for all calls."""
    schema = function._schema  # noqa: SLF001  there is no other way to it
    return Declared(
        str(function.overloadpacket.__name__).removesuffix("_"),
        tuple(argument.name for argument in schema.arguments),
        tuple(argument.name for argument in schema.arguments if "Tensor" in str(argument.type)),
        frozenset(argument.name for argument in schema.arguments if argument.kwarg_only),
        schema.is_mutable,
        function not in WHOLE and _has_kernel(function.name(), COMPOSITE),
    )


@dataclass(eq=False)
class Operation:
    """One call: `named` holds the arguments by the names of torch's own declaration, tensors as `Value`."""

    function: Any
    declared: Declared
    named: dict[str, Any]
    values: list[Value]
    """The tensors that go in."""
    order: int
    outputs: list[Value] = field(default_factory=list)
    apart: list[Value] = field(default_factory=list)
    """Kept apart from what it writes."""
    known: dict[Callable[[Operation], Any], Any] = field(default_factory=dict)
    """See `once`."""

    @property
    def name(self) -> str:
        """See `Declared`."""
        return self.declared.name

    def called(self, made: Callable[[Value], Tensor]) -> Any:
        """What it gives when the tensors that `made` makes stand for those that went in."""
        arguments, by_name = tree_map_only(Value, made, self.named), self.declared.by_name
        given = [name for name in self.declared.arguments if name in arguments]
        positional = [arguments[name] for name in given if name not in by_name]
        return self.function(*positional, **{name: arguments[name] for name in given if name in by_name})

    def once(self, make: Callable[[Operation], Any]) -> Any:
        """What `make` gives of it, kept for further passes: it must follow from shapes and settings alone."""
        if make not in self.known:
            self.known[make] = make(self)
        return self.known[make]

    def __getitem__(self, name: str) -> Any:
        return self.named[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or `default` where it was not given."""
        found = self.named.get(name)
        return default if found is None else found


class Reads(NamedTuple):
    """Whose numbers are read when an operation is followed back, of what depends on the pictures."""

    inputs: Callable[[Operation], Iterable[Value]]
    outputs: slice = slice(0)


NOTHING = Reads(lambda _: ())
EVERYTHING = Reads(lambda operation: operation.values, slice(None))


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
