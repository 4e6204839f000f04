"""Worker processes, a reaper, and helpers that wait for their effects."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis

from core.queue.connection import connect
from core.queue.ledger import Taken
from core.queue.queue import JobQueue, WorkerState
from core.settings import REPOSITORY, Settings
from core.store.store import Store, open_store
from tests.workers.toy import Journal
from workers.services.reaper import Reaper

PATIENCE_S = 240.0
"""Of a wait whose duration is no promise: it ends what hangs, and a busy machine is no fault."""


def wait_for(condition: Callable[[], object], timeout_s: float = PATIENCE_S, what: str = "it") -> None:
    """Wait until `condition` holds. Raises AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.02)


class Stable:
    """Worker processes that run the toy method, with the settings of a test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = settings.home.parent / "workers.log"

    def start(self, grace_s: float = 10.0) -> subprocess.Popen[bytes]:
        """Start another worker."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.workers.toy"],
                cwd=REPOSITORY,
                env=os.environ | environment(self.settings) | {"TOY_GRACE_S": str(grace_s)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def kill_all(self) -> None:
        """Kill all workers; the kernel then kills their horses."""
        for process in self.processes:
            process.kill()
            process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """The settings that differ from the defaults, for another process."""
    given = settings.model_dump(exclude_unset=True)
    if settings.redis_url is not None:
        given["redis_url"] = settings.redis_url.get_secret_value()
    return {f"GAZEGRID_{name.upper()}": str(value) for name, value in given.items()}


@pytest.fixture
def stable(settings: Settings) -> Iterator[Stable]:
    """No worker yet; all are killed at the end."""
    made = Stable(settings)
    yield made
    made.kill_all()


@pytest.fixture
def reaper(settings: Settings) -> Iterator[Reaper]:
    """A reaper that runs during the test."""
    stopping = threading.Event()
    with connect(settings) as connection:
        made = Reaper(connection, settings)
        thread = threading.Thread(target=made.run, args=(stopping,))
        thread.start()
        yield made
        stopping.set()
        thread.join()


@pytest.fixture
def store(settings: Settings) -> Store:
    """An empty store."""
    return open_store(settings)


@pytest.fixture
def queue(redis: Redis, settings: Settings) -> JobQueue:
    """A client of the queue."""
    return JobQueue(redis, settings)


@pytest.fixture
def journal(settings: Settings) -> Journal:
    """The journal of the executions."""
    return Journal(settings.home)


def state_of(queue: JobQueue, key: str) -> str | None:
    """The current state of the job."""
    jobs = queue.states([key])
    return jobs[key].state if key in jobs else None


def take(queue: JobQueue, lease_s: float) -> Taken:
    """Take the next job as a worker does."""
    key = queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key).decode()
    taken = queue.ledger.take(key, "token", lease_s=lease_s, worker="gone")
    assert isinstance(taken, Taken)
    return taken


def only_worker(queue: JobQueue) -> WorkerState:
    """The one worker, once its horse is ready."""
    wait_for(lambda: queue.workers() and queue.workers()[0].device, what="a ready worker")
    return queue.workers()[0]


def horse_of(queue: JobQueue, worker: WorkerState) -> int:
    """The process id of the worker's horse."""
    return int(queue.redis.hget(f"rq:worker:{worker.name}", "horse") or 0)


def is_there(pid: int) -> bool:
    """Whether this process runs."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def kill(pid: int) -> None:
    """Kill the process, if it still runs."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
