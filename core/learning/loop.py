"""The loop of everything that learns from pictures in memory: batches, curves, reports, checkpoints.

What is random belongs to the seed and the step, never to a generator that runs on, so that a job that was killed goes
on from its checkpoint to the same weights, bit for bit.
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
from core.engine.pace import Pace
from core.engine.seeding import seed_of
from core.errors import ComputationFailed, Damaged
from core.items import Item, Pixels, Series
from core.learning.pictures import as_values
from core.method_base.method import Context

POINTS = 100
"""Of a curve, about, where steps are counted."""


class Learner(Protocol):
    """What a loop shows its batches to; one network and its optimizer, or several."""

    def step(self, pictures: Tensor, number: int, share: float) -> Mapping[str, float]:
        """Learn from (B, C, S, S) in [0, 1] at step `number`, `share` of the way; numbers whose means are curves."""

    def measured(self) -> Mapping[str, float]:
        """After each round: numbers that are curves."""

    def preview(self) -> Pixels:
        """What has been learned so far, (H, W, 3)."""

    def tensors(self) -> Mapping[str, Tensor]:
        """All that going on needs."""

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave. Raises Damaged where it is another learner's; then nothing has changed."""


@dataclass(frozen=True)
class Plan:
    """How long, and in what order."""

    epochs: int
    batch: int
    """Pictures a step, at most; what is left over after the last whole batch waits for another epoch."""
    seed: int
    steps: int | None = None
    """In place of epochs: so many, whether or not each picture was shown by then."""


@dataclass
class LoopState:
    """How far it is."""

    step: int = 0
    """Steps that were taken."""
    sums: dict[str, float] = field(default_factory=dict)
    """Of the numbers of this round's steps."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """A value for each whole round: means of the steps' numbers, and what was measured."""


class Loop:
    """Epochs of a learner over pictures (N, C, S, S) uint8, which lie on the device that learns.

    Curves have a value for each round: an epoch, or, where steps are counted, about a hundredth of all.
    """

    def __init__(self, learner: Learner, pictures: Tensor, plan: Plan) -> None:
        self.learner, self.pictures, self.plan = learner, pictures, plan
        self.batch = min(plan.batch, len(pictures))
        self.batches = len(pictures) // self.batch
        """An epoch."""
        self.steps = plan.epochs * self.batches if plan.steps is None else plan.steps
        self.round = self.batches if plan.steps is None else max(1, self.steps // POINTS)
        """Steps."""
        self.state = LoopState()
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def run(self, context: Context, further: int = 0) -> None:
        """Learn, from where the context's checkpoint is to the end; `further`: steps of the job that come behind it.

        Raises ComputationFailed where a number is no longer finite, and whatever `context.report` raises.
        """
        self._take_up(context)
        pace = Pace()
        while self.state.step < self.steps:
            numbers = self.advance()
            state = self.state
            told = {} if self.plan.steps else {"epoch": math.ceil(state.step / self.batches)}
            context.report(state.step, self.steps + further, {**told, **numbers}, self.learner.preview)
            if state.step % self.round == 0:
                context.draw(list(self.curves().values()))
            pace.keep(lambda: context.checkpoint.write(self.to_bytes()))
        context.checkpoint.write(self.to_bytes())

    def then(self, stages: Sequence[Callable[[], Mapping[str, Item]]], context: Context) -> dict[str, Item]:
        """What is done with what was learned: the items of all stages, each of which is a step of the job, too."""
        items: dict[str, Item] = {}
        for number, stage in enumerate(stages, start=1):
            items |= stage()
            context.report(self.steps + number, self.steps + len(stages))
        return items

    def advance(self) -> Mapping[str, float]:
        """One step, and where it ends a round, what is measured then; the step's numbers."""
        state = self.state
        pictures = as_values(self.pictures[self._chosen(state.step)])
        numbers = self.learner.step(pictures, state.step, state.step / self.steps)
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise ComputationFailed(f"{name} was {value} at step {state.step}: try a lower rate")
            state.sums[name] = state.sums.get(name, 0.0) + value
        state.step += 1
        if state.step % self.round == 0:
            self._end_round()
        return numbers

    def _end_round(self) -> None:
        state = self.state
        ended = {name: total / self.round for name, total in state.sums.items()}
        for name, value in {**ended, **self.learner.measured()}.items():
            state.curves.setdefault(name, []).append(value)
        state.sums = {}

    def _chosen(self, step: int) -> Tensor:
        """Indices of a step's pictures: each picture once an epoch, in an order that is the epoch's own."""
        epoch, number = divmod(step, self.batches)
        if self._order[0] != epoch:
            drawn = np.random.default_rng(seed_of(self.plan.seed, epoch)).permutation(len(self.pictures))
            self._order = epoch, torch.from_numpy(drawn).to(self.pictures.device)
        return self._order[1][number * self.batch : (number + 1) * self.batch]

    def curves(self) -> dict[str, Series]:
        """Each number against the epoch or the step, as far as it goes."""
        label, times = ("Epoch", 1) if self.plan.steps is None else ("Step", self.round)
        return {
            name: Series(
                x=np.arange(1, len(values) + 1, dtype=np.float32) * times, y=np.asarray(values, np.float32),
                x_label=label, y_label=name.replace("held_out", "held-out").replace("_", " ").capitalize(),
            )
            for name, values in self.state.curves.items()
        }  # fmt: skip

    def to_bytes(self) -> bytes:
        """Everything that going on needs."""
        return checkpoints.to_bytes(self.learner.tensors(), asdict(self.state))

    def _take_up(self, context: Context) -> None:
        """Go on where the checkpoint left off; from the start where there is none, or a damaged one."""
        if (content := context.checkpoint.read()) is None:
            return
        try:
            tensors, numbers = checkpoints.from_bytes(content)
            self.learner.restore(tensors)
        except Damaged:
            return
        self.state = LoopState(**numbers)
