"""The one loop that moves a picture: parameterization, objective, optimizer, and what is recorded on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from core.engine.parameterizations import Parameterization
from core.engine.ranges import to_bytes
from core.errors import ComputationFailed
from core.items import Pixels

OptimizerName = Literal["adam", "sgd", "rmsprop"]
Schedule = Literal["cosine", "constant"]
Precision = Literal["float32", "bf16"]

Objective = Callable[[Tensor, int], Mapping[str, Tensor]]
"""Pictures (N, 3, H, W) and the step -> named values (N,), the same names at every step. `total` is minimized, the
others are recorded."""

CHECK_EVERY = 25
"""Steps between looks at whether the numbers are still finite: each look waits for the device."""


class Report(Protocol):
    """`core.method.Context.report`."""

    def __call__(self, step: int, total: int, scalars: Mapping[str, float], preview: Callable[[], Pixels]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the loop goes."""

    steps: int
    optimizer: OptimizerName = "adam"
    rate: float = 0.01
    """Adam and RMSprop move a pixel by about this much a step; SGD by this times the gradient of the mean over pixels
    scaled to one pixel's share, so that a rate means the same at every picture size."""
    schedule: Schedule = "constant"
    """cosine: the rate falls to nothing towards the last step, so that the picture settles."""
    momentum: float = 0.0
    frames: int = 0
    """Pictures kept for a film, at even intervals from the start to the end."""
    precision: Precision = "float32"


@dataclass(frozen=True)
class Outcome:
    """The pictures at the end, and what was recorded."""

    picture: Tensor
    """(N, 3, H, W), detached, on its device"""
    traces: dict[str, Tensor]
    """Name -> (steps + 1, N) float32 on the CPU: before each step, and of the final pictures"""
    film: Tensor
    """(frames, N, H, W, 3) uint8 on the CPU"""


class LatestValues(Mapping[str, float]):
    """The newest traced values of the first picture; the device is waited for only when one is read."""

    def __init__(self, names: tuple[str, ...], values: Tensor) -> None:
        self._names = names
        self._values = values  # (names, N)

    def __getitem__(self, name: str) -> float:
        if name not in self._names:
            raise KeyError(name)
        return float(self._values[self._names.index(name), 0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Recorder:
    """Traces and film of one run, kept on the device and moved once, at the end."""

    def __init__(self, plan: Plan) -> None:
        self._steps = plan.steps
        self._film_steps = even_steps(plan.steps, plan.frames)
        self._names: tuple[str, ...] = ()
        self._values: list[Tensor] = []
        self._film: list[Tensor] = []

    def note(self, step: int, values: Mapping[str, Tensor], picture: Tensor) -> LatestValues:
        """Record what holds before step number `step` (0 is the first); ComputationFailed when it is not finite."""
        self._names = tuple(values)
        self._values.append(torch.stack([value.detach().float() for value in values.values()]))
        if step in self._film_steps:
            self._film.append(to_bytes(picture))
        if step % CHECK_EVERY == 0 or step == self._steps:
            self._check(step)
        return LatestValues(self._names, self._values[-1])

    def _check(self, step: int) -> None:
        recent = torch.stack(self._values[-CHECK_EVERY - 1 :])  # (recent steps, names, N)
        finite = recent.isfinite().all(dim=2).all(dim=1)
        if not finite.all():
            broken = step + 1 - len(recent) + int((~finite).int().argmax())
            raise ComputationFailed(
                f"the numbers were no longer finite at step {broken} of {self._steps}; a smaller rate may help"
            )

    def outcome(self, picture: Tensor) -> Outcome:
        """Everything, moved to the CPU."""
        traces = torch.stack(self._values).cpu()  # (steps + 1, names, N)
        film = torch.stack(self._film).cpu() if self._film else torch.empty(0, dtype=torch.uint8)
        return Outcome(picture.detach(), dict(zip(self._names, traces.unbind(1), strict=True)), film)


@torch.enable_grad()
def descend(parameterization: Parameterization, objective: Objective, plan: Plan, report: Report) -> Outcome:
    """Take `plan.steps` steps that make `total` of every picture smaller; pictures of a batch do not affect each other.

    Reports after each step. Raises ComputationFailed when a number is no longer finite, and whatever `report` raises.
    """
    tensors = list(parameterization.tensors)
    optimizer = make_optimizer(tensors, plan)
    recorder = Recorder(plan)
    for step in range(plan.steps):
        picture = parameterization.picture()
        with lowered(picture, plan.precision):
            values = objective(picture, step)
        # means over pixels have gradients of 1e-6: times the number of values, a rate means the same at every size
        total = values["total"].sum() * picture[0].numel()
        for tensor, gradient in zip(tensors, torch.autograd.grad(total, tensors), strict=True):
            tensor.grad = gradient.contiguous()  # a fused optimizer pairs values by place, whatever the strides
        latest = recorder.note(step, values, picture)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * share_of_rate(plan, step)
        optimizer.step()
        parameterization.settle(step + 1, last=step + 1 == plan.steps)
        report(step + 1, plan.steps, latest, lambda: to_bytes(parameterization.picture()[0]).cpu().numpy())
    return finish(parameterization, objective, plan, recorder)


@torch.no_grad()
def finish(parameterization: Parameterization, objective: Objective, plan: Plan, recorder: Recorder) -> Outcome:
    """What holds of the final pictures, which no step has measured yet."""
    picture = parameterization.picture()
    with lowered(picture, plan.precision):
        recorder.note(plan.steps, objective(picture, plan.steps), picture)
    return recorder.outcome(picture)


def share_of_rate(plan: Plan, step: int) -> float:
    """What the schedule leaves of the rate at step number `step` (0 is the first): 1 down to 0."""
    return (1 + math.cos(math.pi * step / plan.steps)) / 2 if plan.schedule == "cosine" else 1.0


def make_optimizer(tensors: list[Tensor], plan: Plan) -> Optimizer:
    """The optimizer that `plan` names."""
    match plan.optimizer:
        case "adam":
            return torch.optim.Adam(tensors, lr=plan.rate, fused=True)
        case "sgd":
            return torch.optim.SGD(tensors, lr=plan.rate, momentum=plan.momentum, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(tensors, lr=plan.rate)


def lowered(picture: Tensor, precision: Precision) -> AbstractContextManager[None]:
    """Matrix products and convolutions in bf16 where `precision` says so; sums and edges stay in float32."""
    return torch.autocast(picture.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def even_steps(steps: int, count: int) -> frozenset[int]:
    """At most `count` steps from 0 to `steps`, both included, as evenly as whole numbers allow."""
    if count < 2:
        return frozenset({steps} if count else ())
    return frozenset(math.floor(index * steps / (count - 1) + 0.5) for index in range(count))
