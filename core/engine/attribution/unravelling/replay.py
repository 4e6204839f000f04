"""Done once, done again: of a network that was recorded before, the operations alone are run on other pictures.

A record is a list of calls. Where nothing but the pictures and the weights decides what these give, the next pass of
the same network on pictures of the same shape is these calls again, without modules and without a record of each: it
takes less than the network itself. Calls on constants alone are done again too, so that weights may change in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from core.engine.attribution.unravelling.operations import Operation, Reads, Value
from core.engine.attribution.unravelling.tape import Record, Tape, taped, tensors_in

PLANS = 4
"""Kept of a network: for as many shapes of pictures or choices of layers."""
READ_OUT = frozenset({"resolve_conj", "resolve_neg"})
"""What `numpy` and `tolist` call before numbers leave torch; all others give something that is no tensor."""
SHAPED = frozenset({torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output})
FLAGS = frozenset({torch.bool, torch.uint8})

State = tuple[list["ref[nn.Module]"], list[int]]
"""A network's modules, and which objects they hold: attributes, parameters, buffers."""


@contextmanager
def recorded(
    network: nn.Module, pictures: Tensor, reads: Callable[[str], Reads], layers: Sequence[str], *, again: bool
) -> Iterator[Record]:
    """As `taped` records it, by the plan of an earlier pass where that still holds; gone with the context.

    Not `again`: recorded in any case, such as with other `reads`. Raises Undefined.
    """
    plans = _plans.setdefault(network, {})
    key = (pictures.shape, pictures.stride(), pictures.dtype, pictures.device, *dict.fromkeys(layers))
    state = _state(network) if again and _nothing_between(pictures.device) else None
    plan = None if state is None else plans.pop(key, None)  # back when it is free again
    if plan is not None and plan.holds(state):
        record = plan.run(pictures)
    else:
        record = taped(network, pictures, reads, layers)
        plan = _planned(network, state, record)
    try:
        yield record
    finally:
        if plan is None:
            record[0].forget()
        else:
            plan.release()
            plans[key] = plan
            for oldest in list(plans)[:-PLANS]:
                del plans[oldest]


@dataclass(frozen=True)
class Step:
    """One call, with gaps for the tensors; each tensor of a pass has a number."""

    function: Any
    arguments: list[Any]
    names: tuple[str, ...]
    """Of the last of these, which are given by name."""
    gaps: list[tuple[int, int]]
    """Which argument is which tensor."""
    lists: list[tuple[int, list[int | None]]]
    """Which argument is a list of which tensors."""
    apart: list[Value]
    """Read on the way back as they were before this call writes over them."""
    outcomes: list[int]
    kept: list[tuple[int, Value]]
    """Outcomes that the way back reads."""
    freed: list[int]
    """Tensors that no later step needs."""

    def take(self, tensors: list[Any]) -> None:
        """Call it on these, and add what it gives."""
        arguments = self.arguments.copy()
        for at, number in self.gaps:
            arguments[at] = tensors[number]
        for at, numbers in self.lists:
            arguments[at] = [None if number is None else tensors[number] for number in numbers]
        for value in self.apart:
            value.apart()
        by_place = len(arguments) - len(self.names)
        result = self.function(*arguments[:by_place], **dict(zip(self.names, arguments[by_place:], strict=True)))
        for number, tensor in zip(self.outcomes, tensors_in(result), strict=True):
            tensors[number] = tensor
        for number, value in self.kept:
            value.take(tensors[number])
        for number in self.freed:
            tensors[number] = None


class Plan:
    """The calls of a recorded pass. Between two passes it holds weights, but nothing that was made of pictures."""

    def __init__(self, record: Record, state: State) -> None:
        self._record, self._state = record, state
        tape, answer, outcomes = record
        tape.finish()
        numbers: dict[Value, int] = {tape.pictures: 0}
        self._steps = _steps(tape, numbers, {answer, *outcomes.values()})
        given = _given(tape)
        self._start: list[Any] = [value.data if value in given else None for value in numbers]
        self._weights: list[Tensor] = [value.data for value in given]
        self._flags = [one for one in self._weights if not (one.is_floating_point() or one.is_inference())]
        self._copied = [value for value in given if not _is_plain(value.data)]
        self._made = [value for value in numbers if value not in given and value.is_kept]
        self._lies = self._memory()
        self._reads_pictures = tape.pictures.is_kept

    def __del__(self) -> None:
        self._record[0].forget()

    def holds(self, state: State | None) -> bool:
        """Whether the network is as it was, the numbers of its weights aside."""
        return self._state == state and self._lies == self._memory()

    def _memory(self) -> tuple[list[int], list[int]]:
        """Where weights lie; and how often indices and flags were written to, on which masks rest."""
        written = [one._version for one in self._flags]  # noqa: SLF001  there is no other way to it
        return [one.data_ptr() for one in self._weights], written

    def run(self, pictures: Tensor) -> Record:
        """The record of a pass over other pictures."""
        tensors = self._start.copy()
        tensors[0] = pictures
        if self._reads_pictures:
            self._record[0].pictures.take(pictures)
        with torch.inference_mode():
            for step in self._steps:
                step.take(tensors)
        return self._record

    def release(self) -> None:
        """Let go what is of the pass."""
        for value in self._copied:
            value.release(wholly=False)
        for value in self._made:
            value.release(wholly=True)


def _planned(network: nn.Module, before: State | None, record: Record) -> Plan | None:
    """None where the next pass may differ, or this one has changed the network since `before`."""
    if before is None or before != _state(network) or not repeatable(record[0]):
        return None
    return Plan(record, before)


_plans: WeakKeyDictionary[nn.Module, dict[Any, Plan]] = WeakKeyDictionary()


def _state(network: nn.Module) -> State | None:
    """None where a pass is not what the modules make it: while training, with hooks of others, in TorchScript."""
    modules, held = [network], list[int]()
    for module in modules:  # its parts are added meanwhile
        own = module.__dict__  # TorchScript's has no `training`
        if own.get("training", True) or own["_forward_hooks"] or own["_forward_pre_hooks"]:
            return None
        modules.extend(part for part in own["_modules"].values() if part is not None)
        held.extend(map(id, chain(own.values(), own["_parameters"].values(), own["_buffers"].values())))
    return [ref(module) for module in modules], held


def _nothing_between(device: torch.device) -> bool:
    """Whether nobody else has a say in what operations do."""
    between = nn.modules.module
    hooks = between._global_forward_hooks or between._global_forward_pre_hooks  # noqa: SLF001
    modes = _get_current_function_mode_stack() or _get_current_dispatch_mode_stack()  # type: ignore[no-untyped-call]
    return not (hooks or modes or torch.is_autocast_enabled(device.type))


def _is_plain(tensor: Tensor) -> bool:
    """Whether its numbers in NumPy are the same memory: they change with it."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()


def repeatable(tape: Tape) -> bool:
    """Whether the same calls make another pass.

    No shape, and nothing that Python sees, was read from numbers; nothing is random; pictures and weights stayed.
    """
    if tape.pictures.stale or not all(_determined(function) for function in tape.functions):
        return False
    given = {tape.pictures, *_given(tape)}
    memory = {value.memory for value in given}
    return not any(_random(call) or _by_flags(call) or _writes_to(call, given, memory) for call in tape.calls)


def _given(tape: Tape) -> set[Value]:
    """Weights and whatever else, beside the pictures, is there before the pass."""
    given, made = set[Value](), {tape.pictures}
    for call in tape.calls:
        given.update(value for value in call.values if value not in made)
        made.update(call.outputs)
    return given


@lru_cache(maxsize=1024)
def _determined(function: Any) -> bool:
    """Whether it gives tensors, their shapes follow from those that go in, and it writes at most to its first one."""
    schema = function._schema  # noqa: SLF001  there is no other way to it
    tensors = bool(schema.returns) and all("Tensor" in str(one.type) for one in schema.returns)
    shaped = not SHAPED.isdisjoint(function.tags) and function is not torch.ops.aten.index.Tensor
    writes = any(one.alias_info is not None and one.alias_info.is_write for one in schema.arguments[1:])
    return tensors and not (shaped or writes) and schema.name.removeprefix("aten::") not in READ_OUT


def _random(call: Operation) -> bool:
    if torch.Tag.nondeterministic_seeded not in call.function.tags:
        return False
    return "dropout_p" not in call.declared.arguments or call.named.get("dropout_p", 0) != 0  # attention has it


def _by_flags(call: Operation) -> bool:
    """How many places flags choose depends on their numbers; indices that depend on the pictures may be flags."""
    if call.function is not torch.ops.aten.index.Tensor:
        return False
    chosen = [one for one in call["indices"] if one is not None]
    return any(one.live or one.data.dtype in FLAGS for one in chosen)


def _writes_to(call: Operation, given: set[Value], memory: set[int | None]) -> bool:
    return call.declared.writes and (call.values[0].memory in memory or not given.isdisjoint(call.apart))


def _steps(tape: Tape, numbers: dict[Value, int], asked: set[Value]) -> list[Step]:
    """The calls as steps; `numbers` is filled."""
    read = {value for call in tape.operations for value in (*call.values, *call.outputs) if value.is_kept} | asked
    last = {value: order for order, call in enumerate(tape.calls) for value in (*call.values, *call.outputs)}
    for value in last:
        numbers.setdefault(value, len(numbers))
    return [_step(call, order, numbers, last, read) for order, call in enumerate(tape.calls)]


def _step(call: Operation, order: int, numbers: dict[Value, int], last: dict[Value, int], read: set[Value]) -> Step:
    by_name = call.declared.by_name
    names = [name for name in call.declared.arguments if name in call.named]
    names.sort(key=lambda name: name in by_name)
    arguments = [call[name] for name in names]
    gaps, lists = [], []
    for at, argument in enumerate(arguments):
        if isinstance(argument, Value):
            gaps.append((at, numbers[argument]))
        elif names[at] in call.declared.tensors and isinstance(argument, list):
            lists.append((at, [None if one is None else numbers[one] for one in argument]))
    ended = {value for value in (*call.values, *call.outputs) if last[value] == order}
    return Step(
        call.function,
        [None if isinstance(argument, Value) else argument for argument in arguments],
        tuple(name for name in names if name in by_name),
        gaps,
        lists,
        call.apart,
        [numbers[value] for value in call.outputs],
        [(numbers[value], value) for value in call.outputs if value in read],
        [numbers[value] for value in ended],
    )
