"""A Gazegrid of its own for a bench: an empty home, a Redis, and worker processes, all gone afterwards."""

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


class Stage:
    """Where a bench plays: `settings`, `store`, `queue`, and processes that are stopped at its end."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self.settings = settings
        self.store: Store = open_store(settings)
        self.queue: JobQueue = open_queue(settings)
        self.picture = PictureRef(self.store.inputs.put_picture(sample("cat")), "sample:cat")
        self._stack = stack

    def start(self, *command: str, **environment: str) -> Child:
        """A Python process (`command` follows `python`) that finds this stage's home."""
        surroundings = {"GAZEGRID_HOME": str(self.settings.home), **environment}
        log = self.settings.home / "processes.log"
        child = Child(command[-1], [sys.executable, *command], surroundings, log)
        child.start()
        self._stack.callback(child.stop)
        return child

    def start_worker(self, threads: int, module: str = "workers.worker.parent") -> Child:
        """A worker that computes with `threads` threads."""
        count = str(threads)
        passive = {"OMP_NUM_THREADS": count, "GAZEGRID_THREADS": count, "OMP_WAIT_POLICY": "PASSIVE"}
        return self.start("-m", module, **passive)

    def spec(self, *, steps: int, seed: int, network: str = NETWORK) -> JobSpec:
        """A job of `detail_search` that no other seed shares."""
        method = make_method("detail_search", {"steps": steps})
        return next(Comparison((self.picture,), (network,), (method,), seed).cells()).spec

    def wait(self, done: Callable[[], bool], what: str, timeout_s: float = 300.0) -> float:
        """Seconds until `done`. Raises ComputationFailed after the time-out."""
        started_s = time.perf_counter()
        while not done():
            if time.perf_counter() - started_s > timeout_s:
                raise ComputationFailed(f"{what} did not happen within {timeout_s:g} s")
            time.sleep(POLL_S)
        return time.perf_counter() - started_s

    def seconds(self, spec: JobSpec) -> float:
        """Seconds from submit to result."""
        self.queue.submit(spec, self.store)
        return self.wait(lambda: self.ended(spec), f"job {spec.key[:12]}")

    def ended(self, spec: JobSpec) -> bool:
        """Whether the result is there; ComputationFailed where the job failed."""
        if self.store.has(spec.key):
            return True
        job = self.queue.states([spec.key]).get(spec.key)
        if job and job.state == "failed":
            raise ComputationFailed(f"the bench's job failed: {job.error}")
        return False


@contextmanager
def stage() -> Iterator[Stage]:
    """A fresh stage. The weights that the real home has converted already are used, not converted anew."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gazegrid-bench-")))
        settings = Settings(home=home, lease_s=3.0)
        known = Settings().home / "networks"
        if known.is_dir():
            (home / "networks").symlink_to(known)
        stack.enter_context(embedded_redis(settings))
        yield Stage(settings, stack)
