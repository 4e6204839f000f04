from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from core.errors import QueueUnavailable
from core.queue.connection import connect
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store, open_store
from tests.support.devices import small_device, take_up
from tests.workers.conftest import Stable, only_worker, state_of, wait_for
from tests.workers.toy import Journal, toy_spec
from workers.services.redis_server import embedded_redis


class SmallRedis:
    """A queue whose Redis has its append-only file on a device of 4 MiB, with one worker."""

    def __init__(self, settings: Settings, queue: JobQueue, process: subprocess.Popen[bytes]) -> None:
        self.settings, self.queue, self.process = settings, queue, process
        self.store: Store = open_store(settings)
        self.journal = Journal(settings.home)

    def fill(self) -> Path:
        """Fill the device until a submission is refused; the file to delete."""
        ballast = take_up(self.settings.home)
        seeds = iter(range(1000, 2000))
        wait_for(lambda: self.submit_error(next(seeds)) != "", what="a refusal")
        return ballast

    def submit_error(self, seed: int) -> str:
        """The error of a submission; empty if it is accepted."""
        try:
            self.queue.submit(toy_spec(seed), self.store)
        except QueueUnavailable as error:
            return str(error)
        return ""


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[SmallRedis]:
    with ExitStack() as stack:
        home = stack.enter_context(small_device(tmp_path / "small", 4))
        settings = Settings(home=home, store=str(tmp_path / "store"), lease_s=20.0, reaper_tick_s=0.1, threads=1)
        stack.enter_context(embedded_redis(settings))
        queue = JobQueue(stack.enter_context(connect(settings)), settings)
        stable = Stable(settings)
        stack.callback(stable.kill_all)
        process = stable.start()
        only_worker(queue)
        yield SmallRedis(settings, queue, process)


def test_a_worker_waits_while_the_disk_of_redis_is_full(small_redis: SmallRedis) -> None:
    queue, store = small_redis.queue, small_redis.store
    running = toy_spec(seconds=3)
    queue.submit(running, store)
    wait_for(lambda: small_redis.journal.pids("start"))
    ballast = small_redis.fill()
    wait_for(lambda: store.has(running.key), what="the result, whatever Redis says")
    assert state_of(queue, running.key) == "started"
    time.sleep(2)
    assert small_redis.process.poll() is None
    ballast.unlink()
    wait_for(lambda: state_of(queue, running.key) == "finished", timeout_s=10)
    wait_for(lambda: small_redis.submit_error(1) == "" and store.has(toy_spec(1).key), timeout_s=10)
    assert small_redis.journal.count("start", running.key) == 1
    assert small_redis.process.poll() is None


def test_a_submission_fails_and_the_queue_is_readable_while_the_disk_is_full(small_redis: SmallRedis) -> None:
    ballast = small_redis.fill()
    started_s = time.monotonic()
    assert "No space left on device" in small_redis.submit_error(1)
    assert time.monotonic() - started_s < 3
    assert len(small_redis.queue.workers()) == 1
    assert set(small_redis.queue.counts()) == {"queued", "started", "finished", "failed", "canceled"}
    small_redis.process.terminate()
    assert small_redis.process.wait(15) in (0, 1), "a worker that is told to stop does not wait for room"
    ballast.unlink()


@pytest.mark.usefixtures("reaper")
def test_a_worker_waits_while_the_memory_of_redis_is_full(
    stable: Stable, redis: Redis, queue: JobQueue, store: Store
) -> None:
    process = stable.start()
    only_worker(queue)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(QueueUnavailable, match="maxmemory"):
            queue.submit(toy_spec(), store)
        time.sleep(2)
        assert process.poll() is None
    finally:
        redis.config_set("maxmemory", 0)
    queue.submit(toy_spec(), store)
    wait_for(lambda: store.has(toy_spec().key), timeout_s=10)
    assert process.poll() is None
