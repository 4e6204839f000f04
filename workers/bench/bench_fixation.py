"""Tracing a prediction back to the pixels, against one forward pass of the same network on the same pictures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core.engine.attribution.unravelling.points import TracingConfig
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, classes, unravel
from core.media.samples import sample
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from workers.bench.interleaved import worker_conditions
from workers.bench.row import Row, at_most

NETWORK = "lite/efficientnet_lite0"
PHOTOS = ("cat", "coffee", "rocket")
TURNS = 11
CASES = {
    "fixation_paper": (TRACING_CONFIGS["paper"], 1, 0.5),
    "fixation_paper_batch": (TRACING_CONFIGS["paper"], 8, 0.2),
    "fixation_light_batch": (TRACING_CONFIGS["light"], 8, 0.6),
    "fixation_beam_batch": (replace(TRACING_CONFIGS["beam"], cap=512), 8, 1.2),
}
"""Tracing configuration, pictures per batch, target."""


def run(*, quick: bool = False) -> list[Row]:
    """Time of a trace without the forward pass that it records, in turns with the bare forward pass."""
    with worker_conditions() as threads:
        network = load(get_card(NETWORK))
        return [_row(name, network, threads, 1 if quick else TURNS) for name in CASES]


def _row(name: str, network: Network, threads: int, turns: int) -> Row:
    config, count, target = CASES[name]
    pictures = network.prepare_all([sample(PHOTOS[number % len(PHOTOS)]) for number in range(count)])
    forward = _forward(network, pictures)
    predicted = forward().argmax(dim=1).tolist()
    rounds = [_turn(forward, _trace(network, pictures, config, predicted)) for _ in range(turns + 1)][1:]
    ratios = sorted(traced_s / forward_s - 1 for traced_s, forward_s in rounds)
    traced_ms, forward_ms = (statistics.median(turn[side] for turn in rounds) * 1e3 for side in (0, 1))
    detail = (
        f"{traced_ms:.1f} ms with the forward pass, {forward_ms:.1f} ms the forward pass alone, {count} per batch, "
        f"threads: {threads}; turns: {turns}, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    )
    return at_most(name, statistics.median(ratios), target, detail)


def _forward(network: Network, pictures: Tensor) -> Callable[[], Tensor]:
    def forward() -> Tensor:
        with torch.inference_mode():
            logits: Tensor = network(pictures)
        return logits

    return forward


def _trace(network: Network, pictures: Tensor, config: TracingConfig, predicted: list[int]) -> Callable[[], object]:
    return lambda: unravel(network, pictures, classes(predicted), config)


def _turn(forward: Callable[[], Tensor], trace: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the trace and of the forward pass."""
    started_s = time.perf_counter()
    trace()
    traced_s = time.perf_counter()
    forward()
    return traced_s - started_s, time.perf_counter() - traced_s
