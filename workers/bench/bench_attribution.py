"""A whole attribution against one forward pass and one backward pass to the pixels of the same network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from workers.bench.interleaved import worker_conditions
from workers.bench.row import Row, at_most

NETWORK = "random/resnet18"
TARGETS = {"grad_cam": 0.55, "saliency": 1.05, "guided_backprop": 1.35}
"""Grad-CAM's backward pass ends at its layer; guided backprop masks the gradient twice at each ReLU."""
TURNS = 21


def run(*, quick: bool = False) -> list[Row]:
    """Whole runs, everything included, in turns with the bare passes."""
    with worker_conditions() as threads:
        network, picture = load(get_card(NETWORK)), sample("cat")
        calls = {"bare": bare_passes(network, picture)} | {name: whole(name, network, picture) for name in TARGETS}
        rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(2 if quick else TURNS + 1)][1:]
    return [_row(name, rounds, threads) for name in TARGETS]


def bare_passes(network: Network, picture: Picture) -> Callable[[], object]:
    """Preprocessing, forward to the logits, backward from the top logit to the pixels."""

    def passes() -> object:
        pixels = network.prepare(picture)[None].requires_grad_()
        return torch.autograd.grad(network(pixels).amax(), pixels)

    return passes


def whole(name: str, network: Network, picture: Picture) -> Callable[[], object]:
    """A run of the method with its default parameters."""
    method = make_method(name, {})
    return lambda: method.run([picture], network, Context())


def seconds(call: Callable[[], object]) -> float:
    """Run time of a call."""
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s


def _row(name: str, rounds: list[dict[str, float]], threads: int) -> Row:
    ratios = sorted(one[name] / one["bare"] for one in rounds)
    ours_ms, bare_ms = (statistics.median(one[side] for one in rounds) * 1e3 for side in (name, "bare"))
    detail = (
        f"{ours_ms:.1f} ms against {bare_ms:.1f} ms of the bare passes of {NETWORK}, threads: {threads}; "
        f"turns: {len(rounds)}, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    )
    return at_most(name, statistics.median(ratios), TARGETS[name], detail)
