"""The training loop over pictures in memory: batches, curves, reports, checkpoints.

Random numbers depend on the seed and the step alone, never on a generator's history, so that a killed job continues
from its checkpoint to the same weights, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core.engine import checkpoints
from core.engine.checkpoint_timer import CheckpointTimer
from core.engine.seeding import seed_of
from core.errors import ComputationFailed
from core.items import Item, Pixels, Series
from core.learning.pictures import as_values
from core.method_base.method import Context

CURVE_POINTS = 100
"""Approximate number of points of a curve where steps are counted."""


class Learner(Protocol):
    """What a loop trains: one or several networks with their optimizers."""

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """Train on (B, C, S, S) in [0, 1] at step `number`, at `share` of all steps (0 to 1); returns curve values."""

    def evaluate(self) -> Mapping[str, float]:
        """Values for curves, after each round."""

    def preview(self) -> Pixels:
        """A picture of the current state, (H, W, 3) uint8."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Everything that `restore` needs."""

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from what `tensors` gave. Raises Damaged where it is another learner's; nothing has changed then."""


@dataclass(frozen=True)
class Plan:
    """Length and order of a training."""

    epochs: int
    batch: int
    """Maximal number of pictures per step; an incomplete last batch of an epoch is left out."""
    seed: int
    steps: int | None = None
    """Number of steps, in place of epochs."""


@dataclass
class LoopState:
    """Progress of a loop."""

    step: int = 0
    """Steps taken."""
    sums: dict[str, float] = field(default_factory=dict)
    """Name -> sum of the values of this round's steps."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """Name -> value of each finished round: means over its steps, and the learner's evaluation."""


class Loop:
    """Trains a learner on pictures (N, C, S, S) uint8, which lie on its device.

    Curves have a value for each round: an epoch, or, where steps are counted, about a hundredth of all steps.
    """

    def __init__(self, learner: Learner, pictures: Tensor, plan: Plan) -> None:
        self.learner, self.pictures, self.plan = learner, pictures, plan
        self.batch = min(plan.batch, len(pictures))
        self.batches = len(pictures) // self.batch
        """Batches per epoch."""
        self.steps = plan.epochs * self.batches if plan.steps is None else plan.steps
        self.round = self.batches if plan.steps is None else max(1, self.steps // CURVE_POINTS)
        """Steps per round."""
        self.state = LoopState()
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def run(self, context: Context, extra_steps: int = 0) -> None:
        """Train from the context's checkpoint to the end; `extra_steps`: further steps of the job, for its progress.

        Raises ComputationFailed where a value is no longer finite, and whatever `context.report` raises.
        """
        checkpoints.resume(context.checkpoint, self.resume)
        timer = CheckpointTimer()
        while self.state.step < self.steps:
            values = self.advance()
            state = self.state
            epoch = {} if self.plan.steps else {"epoch": math.ceil(state.step / self.batches)}
            context.report(state.step, self.steps + extra_steps, {**epoch, **values}, self.learner.preview)
            if state.step % self.round == 0:
                context.draw(list(self.curves().values()))
            timer.write_if_due(lambda: context.checkpoint.write(self.to_bytes()))
        context.checkpoint.write(self.to_bytes())

    def run_stages(self, stages: Sequence[Callable[[], Mapping[str, Item]]], context: Context) -> dict[str, Item]:
        """Run the stages that follow the training, each a step of the job; returns the items of all of them."""
        items: dict[str, Item] = {}
        for number, stage in enumerate(stages, start=1):
            items |= stage()
            context.report(self.steps + number, self.steps + len(stages))
        return items

    def advance(self) -> Mapping[str, float]:
        """Take one step and, at the end of a round, evaluate; returns the values of the step."""
        state = self.state
        pictures = as_values(self.pictures[self._batch_indices(state.step)])
        values = self.learner.step(pictures, state.step, state.step / self.steps)
        for name, value in values.items():
            if not math.isfinite(value):
                raise ComputationFailed(f"{name} was {value} at step {state.step}: try a lower learning rate")
            state.sums[name] = state.sums.get(name, 0.0) + value
        state.step += 1
        if state.step % self.round == 0:
            self._end_round()
        return values

    def _end_round(self) -> None:
        state = self.state
        means = {name: total / self.round for name, total in state.sums.items()}
        for name, value in {**means, **self.learner.evaluate()}.items():
            state.curves.setdefault(name, []).append(value)
        state.sums = {}

    def _batch_indices(self, step: int) -> Tensor:
        """Indices of a step's pictures: each at most once per epoch, in an order that depends on seed and epoch."""
        epoch, number = divmod(step, self.batches)
        if self._order[0] != epoch:
            permutation = np.random.default_rng(seed_of(self.plan.seed, epoch)).permutation(len(self.pictures))
            self._order = epoch, torch.from_numpy(permutation).to(self.pictures.device)
        return self._order[1][number * self.batch : (number + 1) * self.batch]

    def curves(self) -> dict[str, Series]:
        """Name -> value against epoch or step, for all finished rounds."""
        label, times = ("Epoch", 1) if self.plan.steps is None else ("Step", self.round)
        return {
            name: Series(
                x=np.arange(1, len(values) + 1, dtype=np.float32) * times, y=np.asarray(values, np.float32),
                x_label=label, y_label=name.replace("held_out", "held-out").replace("_", " ").capitalize(),
            )
            for name, values in self.state.curves.items()
        }  # fmt: skip

    def to_bytes(self) -> bytes:
        """The state of learner and loop, for `resume`."""
        return checkpoints.to_bytes(self.learner.tensors(), asdict(self.state))

    def resume(self, content: bytes) -> None:
        """Continue from what `to_bytes` gave. Raises Damaged, and then nothing has changed."""
        tensors, numbers = checkpoints.from_bytes(content)
        self.learner.restore(tensors)
        self.state = LoopState(**numbers)
