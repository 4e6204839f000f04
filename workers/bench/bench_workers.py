"""Two workers of one thread each against one worker of two threads, on the same jobs."""

from __future__ import annotations

import statistics
import time
from itertools import count

from workers.bench.row import Row, at_least
from workers.bench.sandbox import Sandbox, sandbox

TARGET = 1.15
NETWORK = "random/resnet18"
_SEEDS = count(1)


def run(*, quick: bool = False) -> Row:
    """Steps per second of all workers together; both configurations in turn."""
    steps, turns = (10, 1) if quick else (25, 3)
    with sandbox() as two, sandbox() as one:
        for _ in range(2):
            two.start_worker(threads=1)
        one.start_worker(threads=2)
        for here in (two, one):
            _warm_up(here)
        rates = [(_rate(two, steps), _rate(one, steps)) for _ in range(turns)]
    ours = statistics.median(rate for rate, _ in rates)
    theirs = statistics.median(rate for _, rate in rates)
    detail = f"{ours:.2f} steps/s by 2 workers of 1 thread, {theirs:.2f} by 1 worker of 2 threads"
    return at_least("workers", ours / theirs, TARGET, detail)


def _warm_up(here: Sandbox) -> None:
    """Run jobs until every worker has loaded the network; they are too long for one worker to take all."""
    while len([worker for worker in here.queue.workers() if NETWORK in worker.networks]) < _workers(here):
        _rate(here, steps=15)


def _workers(here: Sandbox) -> int:
    return max(1, len(here.queue.workers()))


def _rate(here: Sandbox, steps: int) -> float:
    """Steps per second over four jobs."""
    specs = [here.spec(steps=steps, seed=next(_SEEDS), network=NETWORK) for _ in range(4)]
    started_s = time.perf_counter()
    for spec in specs:
        here.queue.submit(spec, here.store)
    here.wait(lambda: all(here.ended(spec) for spec in specs), "four jobs")
    return steps * len(specs) / (time.perf_counter() - started_s)
