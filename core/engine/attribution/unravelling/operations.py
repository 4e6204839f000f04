"""The elements of a record: values, operations between them, and torch's schema of each operation."""

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


COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd  # noqa: SLF001  torch has no public access to these two


_has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key  # noqa: SLF001


WHOLE = frozenset({torch.ops.aten.conv2d.default, torch.ops.aten.batch_norm.default})
"""Composites that have a rule of their own: they are frequent, and decomposing them is slow."""


class Value:
    """A tensor at one point of the pass: an in-place write makes a new value."""

    def __init__(self, tensor: Tensor, *, live: bool, producer: Operation | None = None) -> None:
        self.shape = tuple(tensor.shape)
        self.device = tensor.device
        self.live = live
        """Whether any element depends on the pictures."""
        self.producer = producer
        """None for pictures, weights and other constants."""
        self.mask: Tensor | None = None
        """True where an element of a live value depends on the pictures; None: everywhere."""
        self.stale = False
        """Values of the pictures were written to another tensor that shares its memory."""
        self._tensor = ref(tensor)
        self._data = None if live else tensor

    def is_value_of(self, tensor: Tensor) -> bool:
        """Whether it is the value of this tensor, and not of a freed one with the same `id`."""
        return self._tensor() is tensor

    def keep(self) -> None:
        """Keep the data beyond the pass. Constants are always kept."""
        if self._data is None:
            self._data = self._tensor()

    @property
    def is_kept(self) -> bool:
        """Whether the data is kept beyond the pass."""
        return self._data is not None

    def set_data(self, tensor: Tensor) -> None:
        """Keep this tensor, from another pass, as the data."""
        self._data = tensor

    def release(self, *, data: bool) -> None:
        """Drop the NumPy copies that the backward walk made and, with `data`, the data itself."""
        self.__dict__.pop("array", None)
        self.__dict__.pop("flat", None)
        if data:
            self._data = None

    def copy_data(self) -> None:
        """Copy kept data out of memory that is about to be overwritten."""
        if self._data is not None:
            self._data = self._data.clone()

    @property
    def memory(self) -> int | None:
        """Address of the data where it is kept or still used by the pass, else None."""
        tensor = self._data if self._data is not None else self._tensor()
        return None if tensor is None else tensor.untyped_storage().data_ptr()

    @property
    def data(self) -> Tensor:
        """The tensor. Raises RuntimeError where it was not kept: a rule has to declare what it reads."""
        if self._data is None:
            raise RuntimeError(f"data of shape {self.shape} was not kept: the rule that reads it has to declare it")
        return self._data

    @cached_property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @cached_property
    def array(self) -> Floats:
        """The data as a contiguous float32 array on the CPU, same shape."""
        return np.ascontiguousarray(self.data.detach().float().cpu().numpy())

    @cached_property
    def flat(self) -> Floats:
        """`array` flattened, (size,)."""
        return self.array.reshape(-1)


@dataclass(frozen=True)
class Schema:
    """torch's schema of an operation."""

    name: str
    """Such as `convolution`; an in-place variant has the same name, as it is traced in the same way."""
    arguments: tuple[str, ...]
    tensors: tuple[str, ...]
    """Names of those that are tensors, or lists of tensors."""
    by_name: frozenset[str]
    """Names of the keyword-only ones."""
    writes: bool
    """Whether it writes into its first argument."""
    composite: bool
    """Whether it is composed of other operations."""


@lru_cache(maxsize=1024)
def schema_of(function: Any) -> Schema:
    """The schema of an operation, cached."""
    schema = function._schema  # noqa: SLF001  torch has no public access to it
    return Schema(
        str(function.overloadpacket.__name__).removesuffix("_"),
        tuple(argument.name for argument in schema.arguments),
        tuple(argument.name for argument in schema.arguments if "Tensor" in str(argument.type)),
        frozenset(argument.name for argument in schema.arguments if argument.kwarg_only),
        schema.is_mutable,
        function not in WHOLE and _has_kernel(function.name(), COMPOSITE),
    )


@dataclass(eq=False)
class Operation:
    """One call; `arguments` by the names of torch's schema, tensors as `Value`."""

    function: Any
    schema: Schema
    arguments: dict[str, Any]
    values: list[Value]
    """The input tensors."""
    order: int
    outputs: list[Value] = field(default_factory=list)
    copied: list[Value] = field(default_factory=list)
    """Values copied before it overwrites their memory."""
    results: dict[Callable[[Operation], Any], Any] = field(default_factory=dict)
    """Results of `cached_result`."""

    @property
    def name(self) -> str:
        """Name of the operation, as in its schema."""
        return self.schema.name

    def run(self, replacement: Callable[[Value], Tensor]) -> Any:
        """Result of the operation on other inputs: `replacement` gives the tensor for each input value."""
        arguments, by_name = tree_map_only(Value, replacement, self.arguments), self.schema.by_name
        names = [name for name in self.schema.arguments if name in arguments]
        positional = [arguments[name] for name in names if name not in by_name]
        return self.function(*positional, **{name: arguments[name] for name in names if name in by_name})

    def cached_result(self, compute: Callable[[Operation], Any]) -> Any:
        """Result of `compute`, cached for further passes: it may depend on shapes and settings alone."""
        if compute not in self.results:
            self.results[compute] = compute(self)
        return self.results[compute]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The argument of this name, or `default` where it is missing or None."""
        argument = self.arguments.get(name)
        return default if argument is None else argument


class Reads(NamedTuple):
    """Values whose data the rule of an operation reads, among those that depend on the pictures."""

    inputs: Callable[[Operation], Iterable[Value]]
    outputs: slice = slice(0)


NOTHING = Reads(lambda _: ())


EVERYTHING = Reads(lambda operation: operation.values, slice(None))


def origin(value: Value, through: frozenset[str]) -> Operation | None:
    """The operation that produced this value, skipping those named in `through`."""
    while (operation := value.producer) is not None and operation.name in through:
        live = next(_live(operation), None)
        if live is None:
            return operation
        value = live
    return operation


def _live(operation: Operation) -> Iterator[Value]:
    return (value for value in operation.values if value.live)
