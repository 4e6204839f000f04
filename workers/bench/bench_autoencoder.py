"""Pictures per second of training an autoencoder, everything included, against a bare loop with the same network."""

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
    """Default parameters on the digits at 28 px, with recording, metrics, previews and checkpoints as in a worker."""
    data = in_memory(digits(), SIDE_PX, "cpu")
    with worker_conditions() as threads:
        _turn(data, 1)
        rounds = [_turn(data, 1 if quick else EPOCHS) for _ in range(1 if quick else TURNS)]
    ratios = sorted(bare_s / ours_s for ours_s, bare_s in rounds)
    ours, bare = (Autoencoder().batch_size / statistics.median(turn[side] for turn in rounds) for side in (0, 1))
    detail = f"{ours:,.0f} pictures of {SIDE_PX} px per second against {bare:,.0f} of the bare loop; "
    spread = f"threads: {threads}; turns: {len(rounds)}, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_least("autoencoder", statistics.median(ratios), TARGET, detail + spread)


def _turn(data: Pictures, epochs: int) -> tuple[float, float]:
    """Seconds per step of the method and of the bare loop, interleaved."""
    method = Autoencoder(epochs=epochs)
    interleaved = Interleaved(bare_loop(method.learner(data, 0), as_values(data.training), method.batch_size))
    loop = Loop(method.learner(data, 0), data.training, Plan(epochs, method.batch_size, 0))
    started_s = time.perf_counter()
    loop.run(interleaved)
    ours_s = time.perf_counter() - started_s - interleaved.bare_s
    return ours_s / interleaved.steps, interleaved.bare_s / interleaved.steps


def bare_loop(learner: AutoencoderLearner, pictures: Tensor, batch: int) -> Step:
    """A batch of the pictures (N, C, S, S) in [0, 1] through the learner's network, and a step of Adam."""
    model = learner.model
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=learner.recipe.learning_rate)

    def step() -> None:
        inputs = pictures[torch.randint(len(pictures), (batch,))]
        optimizer.zero_grad()
        functional.mse_loss(model(inputs)[0], inputs).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step
