"""Pictures a second of an autoencoder's training, everything included, against a bare loop over the same network."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor
from torch.nn import functional

from core.datasets.digits import digits
from core.learning.autoencoder.learner import AutoencoderLearner
from core.learning.loop import Loop, Plan
from core.learning.pictures import Pictures, as_values, in_memory
from core.methods.autoencoder import Autoencoder
from workers.bench.interleaved import Interleaved, Step, worker_conditions
from workers.bench.row import Row, at_least

TARGET = 0.9
SIDE_PX = 28
EPOCHS = 4
TURNS = 5


def run(*, quick: bool = False) -> Row:
    """The method's defaults on the digits, enlarged to 28 px: noted, measured, previewed and kept as in a worker."""
    given = in_memory(digits(), SIDE_PX, "cpu")
    with worker_conditions() as threads:
        _turn(given, 1)
        rounds = [_turn(given, 1 if quick else EPOCHS) for _ in range(1 if quick else TURNS)]
    ratios = sorted(bare_s / ours_s for ours_s, bare_s in rounds)
    ours, bare = (Autoencoder().batch_size / statistics.median(turn[side] for turn in rounds) for side in (0, 1))
    detail = f"{ours:,.0f} pictures of {SIDE_PX} px a second against {bare:,.0f} of the bare loop, threads: {threads}; "
    spread = f"turns: {len(rounds)}, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_least("autoencoder", statistics.median(ratios), TARGET, detail + spread)


def _turn(given: Pictures, epochs: int) -> tuple[float, float]:
    """Seconds a step of ours and of the bare loop, step by step in turns."""
    method = Autoencoder(epochs=epochs)
    between = Interleaved(bare_loop(method.learner(given, 0), as_values(given.training), method.batch_size))
    loop = Loop(method.learner(given, 0), given.training, Plan(epochs, method.batch_size, 0))
    started_s = time.perf_counter()
    loop.run(between)
    ours_s = time.perf_counter() - started_s - between.bare_s
    return ours_s / between.steps, between.bare_s / between.steps


def bare_loop(learner: AutoencoderLearner, pictures: Tensor, batch: int) -> Step:
    """Some of the pictures (N, C, S, S) in [0, 1] through the learner's network, and a step of Adam."""
    model = learner.model
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=learner.recipe.learning_rate)

    def step() -> None:
        inputs = pictures[torch.randint(len(pictures), (batch,))]
        optimizer.zero_grad()
        functional.mse_loss(model(inputs)[0], inputs).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step
