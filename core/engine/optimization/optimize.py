"""The one loop that moves a picture: parameterization, objective, optimizer, and what is recorded on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from core.engine import checkpoints
from core.engine.optimization import gradients
from core.engine.optimization.lbfgs import Lbfgs
from core.engine.optimization.parameterizations import Parameterization
from core.engine.optimization.recorder import CHECK_EVERY, LatestValues, Recorder
from core.engine.ranges import to_bytes
from core.errors import Damaged
from core.items import Pixels

OptimizerName = Literal["adam", "sgd", "rmsprop", "lbfgs"]
Schedule = Literal["cosine", "constant"]
Precision = Literal["float32", "bf16"]

Objective = Callable[[Tensor, int], Mapping[str, Tensor]]
"""Pictures (N, 3, H, W) and the step -> named values (N,), the same names at every step. `total` is minimized, the
others are recorded."""

CHECKPOINT_EVERY_S = 10.0


class Checkpoint(Protocol):
    """`core.method_base.method.Checkpoint`."""

    def read(self) -> bytes | None: ...
    def write(self, content: bytes) -> None: ...


class Monitor(Protocol):
    """`core.method_base.method.Context`."""

    @property
    def checkpoint(self) -> Checkpoint: ...
    def report(self, step: int, total: int, scalars: Mapping[str, float], preview: Callable[[], Pixels]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the loop goes."""

    steps: int
    optimizer: OptimizerName = "adam"
    learning_rate: float = 0.01
    """Adam and RMSprop move a pixel by about this much a step; SGD by this times the gradient of the mean over pixels
    scaled to one pixel's share, so that a rate means the same at every picture size; L-BFGS moves
    all, on average, by this at most, one picture at a time."""
    schedule: Schedule = "constant"
    """cosine: the rate falls to nothing towards the last step, so that the picture settles."""
    momentum: float = 0.0
    gradient: gradients.Change = gradients.unchanged
    frames: int = 0
    """Pictures kept for an animation, at even intervals from the start to the end."""
    shown: Callable[[Tensor], Tensor] = lambda picture: picture
    """What animation and preview show of the pictures (N, 3, H, W)."""
    precision: Precision = "float32"
    anew: frozenset[int] = frozenset()
    """Steps before which the optimizer forgets what it has gathered, as the objective changes there."""
    until: Callable[[Mapping[str, Tensor]], bool] = lambda _: False
    """Whether these values are good enough to stop; asked every `CHECK_EVERY` steps."""


@dataclass(frozen=True)
class Outcome:
    """The pictures at the end, and what was recorded."""

    picture: Tensor
    """(N, 3, H, W), detached, on its device"""
    traces: dict[str, Tensor]
    """Name -> (steps + 1, N) float32 on the CPU: before each step, and of the final pictures"""
    frames: Tensor
    """(frames, N, H, W, 3) uint8 on the CPU"""

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(next(iter(self.traces.values()))) - 1


class Descent:
    """How far a run is, and everything that going on needs."""

    def __init__(self, parameterization: Parameterization, plan: Plan) -> None:
        self.parameterization, self.plan = parameterization, plan
        self.tensors = list(parameterization.tensors)
        self.optimizer = make_optimizer(self.tensors, plan)
        self.recorder = Recorder(plan.steps, plan.frames, plan.shown)
        self.step = 0
        """Steps that were taken."""
        self._seen = torch.empty(0)

    def advance(self, objective: Objective) -> tuple[LatestValues, Mapping[str, Tensor]]:
        """One step; the values that held before it."""
        plan = self.plan
        picture, values = self._measured(objective)
        total = _weighed(values, picture)
        for tensor, gradient in zip(self.tensors, torch.autograd.grad(total, self.tensors), strict=True):
            # a fused optimizer pairs values by place, whatever the strides
            tensor.grad = plan.gradient(gradient).contiguous()
        latest = self.recorder.note(self.step, values, picture)
        self._seen = picture.detach()
        if self.step in plan.anew:
            self.optimizer.state.clear()
        for group in self.optimizer.param_groups:
            group["lr"] = plan.learning_rate * share_of_rate(plan, self.step)
        self.optimizer.step(cast(Any, total.detach))  # only L-BFGS looks at the loss
        self.step += 1
        self.parameterization.settle(self.step, last=self.step == plan.steps)
        return latest, values

    @torch.no_grad()
    def finish(self, objective: Objective) -> Outcome:
        """What holds of the final pictures, which no step has measured yet."""
        if self.step < self.plan.steps:
            self.parameterization.settle(self.step, last=True)
        picture, values = self._measured(objective)
        if isinstance(self.optimizer, Lbfgs) and self.optimizer.taken_back(float(_weighed(values, picture))):
            picture, values = self._measured(objective)
        self.recorder.note(self.step, values, picture, last=True)
        return Outcome(picture.detach(), self.recorder.traces(), self.recorder.frames())

    def _measured(self, objective: Objective) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The pictures as they are, and their values."""
        picture = self.parameterization.picture()
        with lowered(picture, self.plan.precision):
            return picture, objective(picture, self.step)

    def preview(self) -> Pixels:
        """The first picture as the last step saw it, (H, W, 3): it need not be made anew."""
        pixels: Pixels = to_bytes(self.plan.shown(self._seen)[0]).cpu().numpy()
        return pixels

    def to_bytes(self) -> bytes:
        """For `resume`."""
        tensors = {
            **checkpoints.named("moved", {str(number): tensor for number, tensor in enumerate(self.tensors)}),
            **checkpoints.named("optimizer", checkpoints.moments(self.optimizer)),
            **checkpoints.named("recorded", self.recorder.tensors()),
        }
        return checkpoints.to_bytes(tensors, {"step": self.step, "names": self.recorder.names})

    @torch.no_grad()
    def resume(self, content: bytes) -> None:
        """Go on from what `to_bytes` gave, to the same pictures bit for bit. Raises Damaged; then nothing changed."""
        tensors, numbers = checkpoints.from_bytes(content)
        kept = [tensors[name].shape if (name := f"moved.{i}") in tensors else None for i in range(len(self.tensors))]
        if kept != [tensor.shape for tensor in self.tensors]:
            raise Damaged("a checkpoint does not fit what is optimized")
        device = self.tensors[0].device
        # copied, as a file's tensors lie anywhere in memory, and fused optimizers round differently there
        parts = {name: tensor.clone().to(device) for name, tensor in tensors.items()}
        for number, moved in enumerate(self.tensors):
            moved.copy_(parts[f"moved.{number}"])
        checkpoints.restore_moments(self.optimizer, checkpoints.below("optimizer", parts))
        self.recorder.restore(numbers["names"], checkpoints.below("recorded", parts), device)
        self.step = numbers["step"]


@torch.enable_grad()
def descend(parameterization: Parameterization, objective: Objective, plan: Plan, monitor: Monitor) -> Outcome:
    """Take `plan.steps` steps that make `total` of every picture smaller; pictures of a batch do not affect each other.

    Reports after each step, and goes on where the monitor's checkpoint left off. Raises ComputationFailed when a number
    is no longer finite, and whatever `monitor.report` raises.
    """
    descent = Descent(parameterization, plan)
    _take_up(descent, monitor.checkpoint)
    kept_s = time.monotonic()
    while descent.step < plan.steps:
        latest, values = descent.advance(objective)
        monitor.report(descent.step, plan.steps, latest, descent.preview)
        if descent.step % CHECK_EVERY == 0 and plan.until(values):
            break
        if time.monotonic() - kept_s >= CHECKPOINT_EVERY_S:
            monitor.checkpoint.write(descent.to_bytes())
            kept_s = time.monotonic()
    return descent.finish(objective)


def _take_up(descent: Descent, checkpoint: Checkpoint) -> None:
    """Go on where the checkpoint left off; from the start where there is none, or a damaged one."""
    if (content := checkpoint.read()) is None:
        return
    try:
        descent.resume(content)
    except Damaged:
        return


def _weighed(values: Mapping[str, Tensor], picture: Tensor) -> Tensor:
    """What is minimized, times the number of values.

    Means over pixels have gradients of 1e-6; so multiplied, a rate means the same at every size.
    """
    return values["total"].sum() * picture[0].numel()


def share_of_rate(plan: Plan, step: int) -> float:
    """What the schedule leaves of the rate at step number `step` (0 is the first): 1 down to 0."""
    return (1 + math.cos(math.pi * step / plan.steps)) / 2 if plan.schedule == "cosine" else 1.0


def make_optimizer(tensors: list[Tensor], plan: Plan) -> Optimizer:
    """The optimizer that `plan` names."""
    match plan.optimizer:
        case "adam":
            return torch.optim.Adam(tensors, lr=plan.learning_rate, fused=True)
        case "sgd":
            return torch.optim.SGD(tensors, lr=plan.learning_rate, momentum=plan.momentum, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(tensors, lr=plan.learning_rate)
        case "lbfgs":
            return Lbfgs(tensors, plan.learning_rate)


def lowered(picture: Tensor, precision: Precision) -> AbstractContextManager[None]:
    """Matrix products and convolutions in bf16 where `precision` says so; sums and edges stay in float32."""
    return torch.autocast(picture.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
