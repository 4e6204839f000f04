"""A method's run interleaved with a bare loop, step by step, so that other load on the machine slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from core.items import Pixels
from core.media.samples import sample
from core.method_base.method import Context, Method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.settings import get_settings
from workers.bench.row import Row, at_most
from workers.bench.sandbox import NETWORK
from workers.worker.lease import PREVIEW_EVERY_S, PREVIEW_SHARE, REPORT_EVERY_S, preview_webp
from workers.worker.memory import keep_freed_memory

TARGET = 1.10
WARM_UP_STEPS = 3
"""Not measured: the first steps of a new shape wait for their kernels to be made."""

Step = Callable[[], None]
MakeLoop = Callable[[Network, torch.Tensor], Step]
"""Network and photo (1, 3, H, W) at its input size -> a function that takes the next step of a bare loop."""


def compare_with_bare(name: str, method: Method, bare: MakeLoop, *, turns: int, target: float = TARGET) -> Row:
    """Time of a step of `method`, everything included, over a step of the bare loop; median of `turns` runs."""
    with worker_conditions() as threads:
        network = load(get_card(NETWORK))
        method.model_copy(update={"steps": WARM_UP_STEPS}).run([sample("cat")], network, Context())
        rounds = [_turn(method, network, bare) for _ in range(turns)]
    ratios = sorted(ours_s / bare_s for ours_s, bare_s, _ in rounds)
    ours_ms, bare_ms = (statistics.median(turn[side] for turn in rounds) * 1e3 for side in (0, 1))
    detail = f"{ours_ms:.1f} ms per step against {bare_ms:.1f} ms of the bare loop, threads: {threads}; "
    spread = f"turns: {turns}, each of {rounds[0][2]} steps, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_most(name, statistics.median(ratios), target, detail + spread)


def _turn(method: Method, network: Network, bare: MakeLoop) -> tuple[float, float, int]:
    """Seconds per step of the method and of the bare loop, and the number of steps."""
    picture = sample("cat")
    interleaved = Interleaved(bare(network, network.prepare(picture)[None]))
    started_s = time.perf_counter()
    method.run([picture], network, interleaved)
    ours_s = time.perf_counter() - started_s - interleaved.bare_s
    return ours_s / interleaved.steps, interleaved.bare_s / interleaved.steps, interleaved.steps


class Interleaved(Context):
    """Takes a step of another loop after each step of a method, timed separately; reports as often as a worker does."""

    def __init__(self, other: Step) -> None:
        super().__init__()
        self.bare_s = 0.0
        self.steps = 0
        self._other = other
        self._next_report_s = self._next_preview_s = 0.0

    def report(
        self,
        step: int,
        total: int,  # noqa: ARG002
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        """Do what a worker does with a report, except for sending it; then step the other loop."""
        now = time.perf_counter() - self.bare_s
        if now >= self._next_report_s:
            self._next_report_s = now + REPORT_EVERY_S
            dict(scalars or {})
        if preview and now >= self._next_preview_s:
            preview_webp(preview())
            ended = time.perf_counter() - self.bare_s
            self._next_preview_s = ended + max(PREVIEW_EVERY_S, (ended - now) / PREVIEW_SHARE)
        started_s = time.perf_counter()
        self._other()
        self.bare_s += time.perf_counter() - started_s
        self.steps = step


@contextmanager
def worker_conditions() -> Iterator[int]:
    """Memory and threads as in a worker of this process's settings, while the block lasts; yields the threads."""
    threads_before, threads = torch.get_num_threads(), get_settings().worker_threads
    torch.set_num_threads(threads)
    keep_freed_memory()
    try:
        yield threads
    finally:
        torch.set_num_threads(threads_before)
