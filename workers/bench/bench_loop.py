"""A step of `detail_search`, everything included, against a bare torch loop over the same network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from core.items import Pixels
from core.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.samples import sample
from core.settings import get_settings
from workers.bench.row import Row, at_most
from workers.bench.stage import NETWORK
from workers.lease import PREVIEW_EVERY_S, REPORT_EVERY_S, preview_webp

TARGET = 1.10
RATE = 0.005


def run(*, quick: bool = False) -> Row:
    """Median over turns; in each, a whole run with the method's defaults takes turns with the bare loop, step by step.

    On a busy machine whatever else runs then slows both alike.
    """
    steps, turns = (2, 1) if quick else (200, 3)
    with _worker_threads() as threads:
        network = load(get_card(NETWORK))
        seconds = [_turn(network, steps) for _ in range(turns)]
    ratios = sorted(ours / bare for ours, bare in seconds)
    ours, bare = (statistics.median(column) * 1e3 for column in zip(*seconds, strict=True))
    detail = f"{ours:.1f} ms a step against {bare:.1f} ms of the bare loop, threads: {threads}; "
    spread = f"{turns} turns of {steps} steps, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_most("loop", statistics.median(ratios), TARGET, detail + spread)


def _turn(network: Network, steps: int) -> tuple[float, float]:
    """Seconds a step of the method and of the bare loop."""
    method, picture = make_method("detail_search", {"steps": steps}), sample("cat")
    between = Between(bare_loop(network, network.prepare(picture)[None]))
    started_s = time.perf_counter()
    method.run([picture], network, between)
    ours_s = time.perf_counter() - started_s - between.bare_s
    return ours_s / steps, between.bare_s / steps


def bare_loop(network: Network, picture: torch.Tensor) -> Callable[[], None]:
    """One step of what the method cannot do without: forward, backward to the pixels, Adam."""
    pixels = picture.clone(memory_format=torch.contiguous_format).requires_grad_()
    target = network(picture.flip(-1)).softmax(dim=1)  # near, but not where the loop stands: zeros may be faster
    optimizer = torch.optim.Adam([pixels], lr=RATE, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        (target - network(pixels).softmax(dim=1)).square().mean().backward()
        optimizer.step()

    step()  # what is done once: kernels chosen, the optimizer's state made
    return step


class Between(Context):
    """After each step of a method one of another loop, timed apart; reports as often as a worker does."""

    def __init__(self, other: Callable[[], None]) -> None:
        super().__init__()
        self.bare_s = 0.0
        self._other = other
        self._next_report_s = self._next_preview_s = 0.0

    def report(
        self,
        step: int,  # noqa: ARG002
        total: int,  # noqa: ARG002
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        """What a worker does with a report, but for sending it; then the other loop's turn."""
        now = time.perf_counter() - self.bare_s
        if now >= self._next_report_s:
            self._next_report_s = now + REPORT_EVERY_S
            dict(scalars or {})
        if preview and now >= self._next_preview_s:
            self._next_preview_s = now + PREVIEW_EVERY_S
            preview_webp(preview())
        started_s = time.perf_counter()
        self._other()
        self.bare_s += time.perf_counter() - started_s


@contextmanager
def _worker_threads() -> Iterator[int]:
    """As many threads as a worker of these settings has; as before afterwards."""
    before, threads = torch.get_num_threads(), get_settings().worker_threads
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
