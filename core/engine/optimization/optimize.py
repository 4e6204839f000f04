"""The loop that optimizes pictures: parameterization, objective, optimizer, and records of the run."""

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
from core.engine.ranges import as_stored, to_bytes
from core.errors import Damaged
from core.items import Pixels

OptimizerName = Literal["adam", "sgd", "rmsprop", "lbfgs"]
Schedule = Literal["cosine", "constant"]
Precision = Literal["float32", "bf16"]

Objective = Callable[[Tensor, int], Mapping[str, Tensor]]
"""(pictures (N, 3, H, W), step) -> named values (N,), the same names at every step. `total` is minimized, all are
recorded."""

CHECKPOINT_EVERY_S = 10.0


class Monitor(Protocol):
    """`core.method_base.method.Context`."""

    @property
    def checkpoint(self) -> checkpoints.Checkpoint: ...
    def report(self, step: int, total: int, scalars: Mapping[str, float], preview: Callable[[], Pixels]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Settings of the loop."""

    steps: int
    optimizer: OptimizerName = "adam"
    learning_rate: float = 0.01
    """Adam and RMSprop move a pixel by about this much per step; SGD by this times the gradient of the sum over pixels,
    so that a rate means the same at every picture size; L-BFGS by at most this as root mean square, for one picture at
    a time."""
    schedule: Schedule = "constant"
    """cosine: the learning rate falls to 0 towards the last step."""
    momentum: float = 0.0
    gradient: gradients.GradientTransform = gradients.identity
    frames: int = 0
    """Frames of an animation, evenly spaced from the start to the end."""
    display: Callable[[Tensor], Tensor] = lambda picture: picture
    """From the pictures (N, 3, H, W) to what animation and preview show, same shape."""
    kept: Callable[[Tensor], Tensor] = lambda picture: picture
    """From the final pictures (N, 3, H, W) to those that are stored, of any size; the objective takes both."""
    precision: Precision = "float32"
    reset_steps: frozenset[int] = frozenset()
    """Steps before which the optimizer's state is reset, as the objective changes there."""
    stop_when: Callable[[Mapping[str, Tensor]], bool] = lambda _: False
    """Stopping criterion on the latest values, checked every `CHECK_EVERY` steps."""


@dataclass(frozen=True)
class Outcome:
    """The final pictures, and the records of the run."""

    picture: Tensor
    """(N, 3, H, W) as they are stored, detached, on their device."""
    traces: dict[str, Tensor]
    """Name -> (steps + 1, N) float32 on the CPU: before each step, and for the final pictures as they are stored."""
    frames: Tensor
    """(frames, N, H, W, 3) uint8 on the CPU."""

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(next(iter(self.traces.values()))) - 1


class Descent:
    """A run in progress, with everything that is needed to continue it."""

    def __init__(self, parameterization: Parameterization, plan: Plan) -> None:
        self.parameterization, self.plan = parameterization, plan
        self.tensors = list(parameterization.tensors)
        self.optimizer = make_optimizer(self.tensors, plan)
        self.recorder = Recorder(plan.steps, plan.frames, plan.display)
        self.step = 0
        """Steps that were taken."""
        self._last_picture = torch.empty(0)

    def advance(self, objective: Objective) -> tuple[LatestValues, Mapping[str, Tensor]]:
        """Take one step; returns the values before it, for reports and in full."""
        plan = self.plan
        picture, values = self._evaluate(objective)
        total = _total_loss(values, picture)
        for tensor, gradient in zip(self.tensors, torch.autograd.grad(total, self.tensors), strict=True):
            # a fused optimizer pairs values by memory order, whatever the strides
            tensor.grad = plan.gradient(gradient).contiguous()
        latest = self.recorder.record(self.step, values, picture)
        self._last_picture = picture.detach()
        if self.step in plan.reset_steps:
            self.optimizer.state.clear()
        for group in self.optimizer.param_groups:
            group["lr"] = plan.learning_rate * schedule_factor(plan, self.step)
        self.optimizer.step(cast(Any, total.detach))  # only L-BFGS reads the loss
        self.step += 1
        self.parameterization.settle(self.step, last=self.step == plan.steps)
        return latest, values

    @torch.no_grad()
    def finish(self, objective: Objective) -> Outcome:
        """The outcome, with the values of the final pictures as they are stored, in full precision."""
        if self.step < self.plan.steps:
            self.parameterization.settle(self.step, last=True)
        if isinstance(self.optimizer, Lbfgs):  # no later step tells whether the last one was worse
            picture, values = self._evaluate(objective)
            self.optimizer.undo_if_worse(float(_total_loss(values, picture)))
        picture = self.parameterization.picture()
        kept = as_stored(self.plan.kept(picture))
        self.recorder.record(self.step, objective(kept, self.step), picture, last=True)
        return Outcome(kept, self.recorder.traces(), self.recorder.frames())

    def _evaluate(self, objective: Objective) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The current pictures and their values."""
        picture = self.parameterization.picture()
        with reduced_precision(picture, self.plan.precision):
            return picture, objective(picture, self.step)

    def preview(self) -> Pixels:
        """The first picture before the last step, (H, W, 3) uint8: no forward pass is needed."""
        pixels: Pixels = to_bytes(self.plan.display(self._last_picture)[0]).cpu().numpy()
        return pixels

    def to_bytes(self) -> bytes:
        """The state of the run, for `resume`."""
        tensors = {
            **checkpoints.prefixed("leaf", {str(number): tensor for number, tensor in enumerate(self.tensors)}),
            **checkpoints.prefixed("optimizer", checkpoints.optimizer_state(self.optimizer)),
            **checkpoints.prefixed("recorded", self.recorder.tensors()),
        }
        return checkpoints.to_bytes(tensors, {"step": self.step, "names": self.recorder.names})

    @torch.no_grad()
    def resume(self, content: bytes) -> None:
        """Continue from what `to_bytes` gave, to the same pictures bit for bit.

        Raises Damaged where the content is damaged or belongs to another run; nothing has changed then.
        """
        tensors, numbers = checkpoints.from_bytes(content)
        shapes = [tensors[name].shape if (name := f"leaf.{i}") in tensors else None for i in range(len(self.tensors))]
        if shapes != [tensor.shape for tensor in self.tensors]:
            raise Damaged("the checkpoint does not fit the parameterization")
        device = self.tensors[0].device
        # copied: a file's tensors may be unaligned, and fused optimizers round differently there
        parts = {name: tensor.clone().to(device) for name, tensor in tensors.items()}
        for number, leaf in enumerate(self.tensors):
            leaf.copy_(parts[f"leaf.{number}"])
        checkpoints.load_optimizer_state(self.optimizer, checkpoints.with_prefix("optimizer", parts))
        self.recorder.restore(numbers["names"], checkpoints.with_prefix("recorded", parts), device)
        self.step = numbers["step"]


@torch.enable_grad()
def descend(parameterization: Parameterization, objective: Objective, plan: Plan, monitor: Monitor) -> Outcome:
    """Minimize `total` of every picture in `plan.steps` steps; pictures of a batch do not affect each other.

    Reports after each step, and resumes from the monitor's checkpoint. Raises ComputationFailed where values are no
    longer finite, and whatever `monitor.report` raises.
    """
    descent = Descent(parameterization, plan)
    checkpoints.resume(monitor.checkpoint, descent.resume)
    written_s = time.monotonic()
    while descent.step < plan.steps:
        latest, values = descent.advance(objective)
        monitor.report(descent.step, plan.steps, latest, descent.preview)
        if descent.step % CHECK_EVERY == 0 and plan.stop_when(values):
            break
        if time.monotonic() - written_s >= CHECKPOINT_EVERY_S:
            monitor.checkpoint.write(descent.to_bytes())
            written_s = time.monotonic()
    return descent.finish(objective)


def _total_loss(values: Mapping[str, Tensor], picture: Tensor) -> Tensor:
    """The sum of all totals, times the number of values per picture.

    Objectives are means over pixels: multiplied, a learning rate means the same at every picture size.
    """
    return values["total"].sum() * picture[0].numel()


def schedule_factor(plan: Plan, step: int) -> float:
    """Factor of the learning rate at step number `step` (0 is the first), from 1 down to 0."""
    return (1 + math.cos(math.pi * step / plan.steps)) / 2 if plan.schedule == "cosine" else 1.0


def make_optimizer(tensors: list[Tensor], plan: Plan) -> Optimizer:
    """The optimizer of `plan` over these leaves."""
    match plan.optimizer:
        case "adam":
            return torch.optim.Adam(tensors, lr=plan.learning_rate, fused=True)
        case "sgd":
            return torch.optim.SGD(tensors, lr=plan.learning_rate, momentum=plan.momentum, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(tensors, lr=plan.learning_rate)
        case "lbfgs":
            return Lbfgs(tensors, plan.learning_rate)


def reduced_precision(picture: Tensor, precision: Precision) -> AbstractContextManager[None]:
    """Autocast matrix products and convolutions to bf16 where `precision` is bf16; sums and edges stay in float32."""
    return torch.autocast(picture.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
