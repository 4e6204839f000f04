"""What a record is made of: values, the operations between them, and what is known of each operation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_map_only

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
