"""A temporary Gazegrid for benchmarks: an empty home, a Redis, and worker processes, all removed afterwards."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.errors import ComputationFailed
from core.jobs.comparison import Comparison, PictureRef
from core.jobs.spec import JobSpec
from core.media.samples import sample
from core.methods import make_method
from core.queue.queue import JobQueue, open_queue
from core.settings import Settings
from core.store.store import Store, open_store
from workers.services.local import Child
from workers.services.redis_server import embedded_redis

NETWORK = "lite/efficientnet_lite0"
POLL_S = 0.001


class Sandbox:
    """A home with store and queue, and processes that are stopped at the end."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self.settings = settings
        self.store: Store = open_store(settings)
        self.queue: JobQueue = open_queue(settings)
        self.picture = PictureRef(self.store.inputs.put_picture(sample("cat")), "sample:cat")
        self._stack = stack

    def start(self, *command: str, **environment: str) -> Child:
        """Start a Python process in this home; `command` follows `python`."""
        variables = {"GAZEGRID_HOME": str(self.settings.home), **environment}
        log = self.settings.home / "processes.log"
        child = Child(command[-1], [sys.executable, *command], variables, log)
        child.start()
        self._stack.callback(child.stop)
        return child

    def start_worker(self, threads: int, module: str = "workers.worker.parent") -> Child:
        """Start a worker that computes with `threads` threads."""
        count = str(threads)
        variables = {"OMP_NUM_THREADS": count, "GAZEGRID_THREADS": count, "OMP_WAIT_POLICY": "PASSIVE"}
        return self.start("-m", module, **variables)

    def spec(self, *, steps: int, seed: int, network: str = NETWORK) -> JobSpec:
        """A job of `detail_search`; its key depends on the seed."""
        method = make_method("detail_search", {"steps": steps})
        return next(Comparison((self.picture,), (network,), (method,), seed).cells()).spec

    def wait(self, done: Callable[[], bool], what: str, timeout_s: float = 300.0) -> float:
        """Seconds until `done` holds. Raises ComputationFailed after the timeout."""
        started_s = time.perf_counter()
        while not done():
            if time.perf_counter() - started_s > timeout_s:
                raise ComputationFailed(f"{what} did not happen within {timeout_s:g} s")
            time.sleep(POLL_S)
        return time.perf_counter() - started_s

    def seconds(self, spec: JobSpec) -> float:
        """Seconds from submission to result."""
        self.queue.submit(spec, self.store)
        return self.wait(lambda: self.ended(spec), f"job {spec.key[:12]}")

    def ended(self, spec: JobSpec) -> bool:
        """Whether the job has a result. Raises ComputationFailed if it failed."""
        if self.store.has(spec.key):
            return True
        job = self.queue.states([spec.key]).get(spec.key)
        if job and job.state == "failed":
            raise ComputationFailed(f"a job of the benchmark failed: {job.error}")
        return False


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox that shares the converted weights of the real home."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gazegrid-bench-")))
        settings = Settings(home=home, lease_s=3.0)
        networks = Settings().home / "networks"
        if networks.is_dir():
            (home / "networks").symlink_to(networks)
        stack.enter_context(embedded_redis(settings))
        yield Sandbox(settings, stack)
