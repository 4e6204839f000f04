"""Simulated users that submit and poll comparisons like the pages, and a worker that returns canned results.

python -m tests.workers.load
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from core.errors import Superseded
from core.jobs.comparison import Comparison
from core.jobs.spec import JobSpec
from core.queue.connection import connect
from core.queue.grid import read_grid, submit_grid
from core.queue.queue import JobQueue
from core.settings import Settings, get_settings
from core.store.store import Store, open_store
from tests.support.kept import PROVENANCE, a_small_result
from tests.workers.toy import Journal
from workers.worker.child import Outcome
from workers.worker.lease import Lease, LeasedContext
from workers.worker.logs import configure_logs
from workers.worker.parent import WarmWorker

RUNNER = "tests.workers.load.CannedRunner"
LOOK_EVERY_S = 1.0
"""Polling interval of the page while cells are missing."""
JOB_S = 0.1
STEPS = 10


class CannedRunner:
    """Every job takes a tenth of a second, reports progress, and returns a small result."""

    device = "toy"

    def __init__(self, settings: Settings) -> None:
        self.store = open_store(settings)
        self.journal = Journal(settings.home)

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:
        spec = JobSpec.from_document(document)
        context = LeasedContext(spec.seed, lease)
        try:
            for step in range(STEPS):
                context.report(step, STEPS, {"loss": 1 / (1 + step)})
                time.sleep(JOB_S / STEPS)
            self.store.publish(spec, a_small_result(spec.seed), PROVENANCE, lease.confirm)
        except Superseded:
            return Outcome("superseded")
        self.journal.note("published", spec.key)
        return Outcome("finished")


class User(threading.Thread):
    """Submits a comparison after `starts_s`, polls it each second until it is done, and at times submits again."""

    def __init__(self, settings: Settings, store: Store, comparison: Comparison, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.settings, self.store, self.comparison = settings, store, comparison
        self.starts_s = chance.uniform(0.0, 3.0)
        self.asked_s: list[float] = []
        self.looked_s: list[float] = []
        self.seen_at: dict[str, float] = {}
        """Cell -> time at which it was first observed to be done, in seconds since 1970"""
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            with connect(self.settings) as redis:
                self._visit(JobQueue(redis, self.settings))
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            self.fault = error

    def _visit(self, queue: JobQueue) -> None:
        time.sleep(self.starts_s)
        live, looks = True, 0
        while live:
            if looks % 5 == 0:
                with timed(self.asked_s):
                    submit_grid(self.comparison, self.store, queue)
            with timed(self.looked_s):
                grid = read_grid(self.comparison, self.store, queue)
            live, looks = grid.live, looks + 1
            assert grid.queue_fault is None
            now = time.time()
            for cell in grid.cells:
                assert cell.status in ("done", "queued", "started")
                if cell.status == "done":
                    self.seen_at.setdefault(cell.cell.spec.key, now)
            time.sleep(LOOK_EVERY_S if live else 0.0)


@contextmanager
def timed(taken_s: list[float]) -> Iterator[None]:
    """Append the run time of the block."""
    started_s = time.perf_counter()
    yield
    taken_s.append(time.perf_counter() - started_s)


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return float(np.percentile(values, 95))


if __name__ == "__main__":
    configure_logs("warning")
    WarmWorker(get_settings(), runner=RUNNER).work(logging_level="WARNING")
