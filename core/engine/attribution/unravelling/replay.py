"""Replay of a recorded pass: for a network that was recorded before, its operations alone run on other pictures.

A record is a list of calls. Where pictures and weights alone determine their results, the next pass of the same network
on pictures of the same shape is these calls again, without modules and without recording: it is faster than the network
itself. Calls on constants alone are repeated too, so that weights may change in place.
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
from core.engine.attribution.unravelling.tape import Pick, Record, Tape, only, taped, tensors_in

PLANS = 4
"""Plans cached per network: one for each shape of pictures and choice of layers."""
READ_OUT = frozenset({"resolve_conj", "resolve_neg"})
"""Operations that `numpy` and `tolist` call before values leave torch; all others return no tensor."""
SHAPED = frozenset({torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output})
FLAGS = frozenset({torch.bool, torch.uint8})

State = tuple[list["ref[nn.Module]"], list[int]]
"""A network's modules, and the ids of their attributes, parameters and buffers."""


@contextmanager
def recorded(
    network: nn.Module,
    pictures: Tensor,
    reads: Callable[[str], Reads],
    layers: Sequence[str],
    pick: Pick = only,
    *,
    replay: bool,
) -> Iterator[Record]:
    """The record of a pass, replayed from an earlier pass where its plan is still valid; valid inside the context.

    `pick`: always the same for a network's layers. `replay` False: record in any case, as with other `reads`. Raises
    Undefined.
    """
    plans = _plans.setdefault(network, {})
    key = (pictures.shape, pictures.stride(), pictures.dtype, pictures.device, *dict.fromkeys(layers))
    state = _state(network) if replay and _runs_plainly(pictures.device) else None
    plan = None if state is None else plans.pop(key, None)  # cached again when it is free
    if plan is not None and plan.is_valid(state):
        record = plan.run(pictures)
    else:
        record = taped(network, pictures, reads, layers, pick)
        plan = _planned(network, state, record)
    try:
        yield record
    finally:
        if plan is None:
            record[0].break_cycles()
        else:
            plan.release()
            plans[key] = plan
            for oldest in list(plans)[:-PLANS]:
                del plans[oldest]


@dataclass(frozen=True)
class Step:
    """One call with gaps for its tensors; each tensor of a pass has a number."""

    function: Any
    arguments: list[Any]
    names: tuple[str, ...]
    """Names of the last arguments, which are passed by keyword."""
    gaps: list[tuple[int, int]]
    """(index of an argument, number of its tensor)."""
    lists: list[tuple[int, list[int | None]]]
    """(index of an argument, numbers of the tensors in its list)."""
    copied: list[Value]
    """Values whose data is copied before this call overwrites their memory."""
    outputs: list[int]
    kept: list[tuple[int, Value]]
    """(number, value) of outputs that the backward walk reads."""
    freed: list[int]
    """Numbers of tensors that no later step needs."""

    def run(self, tensors: list[Any]) -> None:
        """Run the call on `tensors`, by number, and store its results there."""
        arguments = self.arguments.copy()
        for index, number in self.gaps:
            arguments[index] = tensors[number]
        for index, numbers in self.lists:
            arguments[index] = [None if number is None else tensors[number] for number in numbers]
        for value in self.copied:
            value.copy_data()
        by_place = len(arguments) - len(self.names)
        result = self.function(*arguments[:by_place], **dict(zip(self.names, arguments[by_place:], strict=True)))
        for number, tensor in zip(self.outputs, tensors_in(result), strict=True):
            tensors[number] = tensor
        for number, value in self.kept:
            value.set_data(tensors[number])
        for number in self.freed:
            tensors[number] = None


class Plan:
    """The calls of a recorded pass. Between passes it holds weights, but nothing derived from pictures."""

    def __init__(self, record: Record, state: State) -> None:
        self._record, self._state = record, state
        tape, logits, outputs = record
        tape.finish()
        numbers: dict[Value, int] = {tape.pictures: 0}
        self._steps = _steps(tape, numbers, {logits, *outputs.values()})
        constants = _constants(tape)
        self._start: list[Any] = [value.data if value in constants else None for value in numbers]
        self._weights: list[Tensor] = [value.data for value in constants]
        self._flags = [tensor for tensor in self._weights if not (tensor.is_floating_point() or tensor.is_inference())]
        self._copied_constants = [value for value in constants if not _is_plain(value.data)]
        self._intermediate = [value for value in numbers if value not in constants and value.is_kept]
        self._addresses = self._memory()
        self._reads_pictures = tape.pictures.is_kept

    def __del__(self) -> None:
        self._record[0].break_cycles()

    def is_valid(self, state: State | None) -> bool:
        """Whether the network is unchanged, apart from the values of its weights."""
        return self._state == state and self._addresses == self._memory()

    def _memory(self) -> tuple[list[int], list[int]]:
        """Addresses of the weights, and versions of indices and flags, on which masks depend."""
        versions = [tensor._version for tensor in self._flags]  # noqa: SLF001  torch has no public access to it
        return [tensor.data_ptr() for tensor in self._weights], versions

    def run(self, pictures: Tensor) -> Record:
        """The record of a pass over `pictures`."""
        tensors = self._start.copy()
        tensors[0] = pictures
        if self._reads_pictures:
            self._record[0].pictures.set_data(pictures)
        with torch.inference_mode():
            for step in self._steps:
                step.run(tensors)
        return self._record

    def release(self) -> None:
        """Drop the data of the last pass."""
        for value in self._copied_constants:
            value.release(data=False)
        for value in self._intermediate:
            value.release(data=True)


def _planned(network: nn.Module, before: State | None, record: Record) -> Plan | None:
    """The plan of this pass; None where the next pass may differ, or this one changed the network since `before`."""
    if before is None or before != _state(network) or not repeatable(record[0]):
        return None
    return Plan(record, before)


_plans: WeakKeyDictionary[nn.Module, dict[Any, Plan]] = WeakKeyDictionary()


def _state(network: nn.Module) -> State | None:
    """State of a network; None where modules alone do not determine a pass: training, foreign hooks, TorchScript."""
    modules, held = [network], list[int]()
    for module in modules:  # extended by its parts in the loop
        own = module.__dict__  # TorchScript's has no `training`
        if own.get("training", True) or own["_forward_hooks"] or own["_forward_pre_hooks"]:
            return None
        modules.extend(part for part in own["_modules"].values() if part is not None)
        held.extend(map(id, chain(own.values(), own["_parameters"].values(), own["_buffers"].values())))
    return [ref(module) for module in modules], held


def _runs_plainly(device: torch.device) -> bool:
    """Whether no hook, mode or autocast changes what operations do."""
    module_globals = nn.modules.module
    hooks = module_globals._global_forward_hooks or module_globals._global_forward_pre_hooks  # noqa: SLF001
    modes = _get_current_function_mode_stack() or _get_current_dispatch_mode_stack()  # type: ignore[no-untyped-call]
    return not (hooks or modes or torch.is_autocast_enabled(device.type))


def _is_plain(tensor: Tensor) -> bool:
    """Whether its NumPy array shares its memory."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()


def repeatable(tape: Tape) -> bool:
    """Whether the same calls can be replayed on other pictures.

    No shape and no Python value depends on data, nothing is random, and pictures and weights are not overwritten.
    """
    if tape.pictures.stale or not all(_determined(function) for function in tape.functions):
        return False
    inputs = {tape.pictures, *_constants(tape)}
    memory = {value.memory for value in inputs}
    return not any(_random(call) or _indexes_by_mask(call) or _writes_to(call, inputs, memory) for call in tape.calls)


def _constants(tape: Tape) -> set[Value]:
    """Weights and other values, except the pictures, that exist before the pass."""
    constants, computed = set[Value](), {tape.pictures}
    for call in tape.calls:
        constants.update(value for value in call.values if value not in computed)
        computed.update(call.outputs)
    return constants


@lru_cache(maxsize=1024)
def _determined(function: Any) -> bool:
    """Whether it returns tensors whose shapes follow from the inputs', and writes to its first argument at most."""
    schema = function._schema  # noqa: SLF001  torch has no public access to it
    tensors = bool(schema.returns) and all("Tensor" in str(result.type) for result in schema.returns)
    shaped = not SHAPED.isdisjoint(function.tags) and function is not torch.ops.aten.index.Tensor
    writes = any(one.alias_info is not None and one.alias_info.is_write for one in schema.arguments[1:])
    return tensors and not (shaped or writes) and schema.name.removeprefix("aten::") not in READ_OUT


def _random(call: Operation) -> bool:
    if torch.Tag.nondeterministic_seeded not in call.function.tags:
        return False
    if "dropout_p" not in call.schema.arguments:
        return True
    return bool(call.arguments.get("dropout_p", 0) != 0)  # an argument of attention


def _indexes_by_mask(call: Operation) -> bool:
    """Whether it indexes by boolean masks: the output's shape depends on them; live indices may be masks."""
    if call.function is not torch.ops.aten.index.Tensor:
        return False
    indices = [tensor for tensor in call["indices"] if tensor is not None]
    return any(tensor.live or tensor.data.dtype in FLAGS for tensor in indices)


def _writes_to(call: Operation, inputs: set[Value], memory: set[int | None]) -> bool:
    return call.schema.writes and (call.values[0].memory in memory or not inputs.isdisjoint(call.copied))


def _steps(tape: Tape, numbers: dict[Value, int], results: set[Value]) -> list[Step]:
    """The calls as steps; fills `numbers`."""
    read = {value for call in tape.operations for value in (*call.values, *call.outputs) if value.is_kept} | results
    last = {value: order for order, call in enumerate(tape.calls) for value in (*call.values, *call.outputs)}
    for value in last:
        numbers.setdefault(value, len(numbers))
    return [_step(call, order, numbers, last, read) for order, call in enumerate(tape.calls)]


def _step(call: Operation, order: int, numbers: dict[Value, int], last: dict[Value, int], read: set[Value]) -> Step:
    by_name = call.schema.by_name
    names = [name for name in call.schema.arguments if name in call.arguments]
    names.sort(key=lambda name: name in by_name)
    arguments = [call[name] for name in names]
    gaps, lists = [], []
    for index, argument in enumerate(arguments):
        if isinstance(argument, Value):
            gaps.append((index, numbers[argument]))
        elif names[index] in call.schema.tensors and isinstance(argument, list):
            lists.append((index, [None if tensor is None else numbers[tensor] for tensor in argument]))
    last_used = {value for value in (*call.values, *call.outputs) if last[value] == order}
    return Step(
        call.function,
        [None if isinstance(argument, Value) else argument for argument in arguments],
        tuple(name for name in names if name in by_name),
        gaps,
        lists,
        call.copied,
        [numbers[value] for value in call.outputs],
        [(numbers[value], value) for value in call.outputs if value in read],
        [numbers[value] for value in last_used],
    )
