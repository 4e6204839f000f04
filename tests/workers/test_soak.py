"""Faults at full size, for minutes, by `make soak`. Each run prints its seed and its measurements.

    SOAK_SEED=519 make soak ARGS="-k 15_times"

makes the same jobs and the same choices again.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from core.errors import QueueUnavailable
from core.jobs.spec import JobSpec
from core.queue.connection import connect
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store, open_store
from tests.support.kept import a_comparison
from tests.workers.conftest import wait_for
from tests.workers.load import User, p95
from tests.workers.soak import LATE_S, Nanny, Plan, check, run
from tests.workers.toy import Journal, toy_spec
from workers.services.redis_server import EmbeddedRedis, embedded_redis

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(1000)))
BACK_WITHIN_S = 10.0
"""P7: workers reconnect by themselves."""
LOAD_S = 60.0


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line even if the test passes."""

    def print_line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return print_line


def patient(settings: Settings) -> Settings:
    """More attempts, since this many kills hit a job more often than three times."""
    return settings.model_copy(update={"max_attempts": 50, "reaper_tick_s": 0.2})


def test_200_kills_over_1000_jobs_lose_nothing_and_double_nothing(
    settings: Settings, say: Callable[[str], None]
) -> None:
    plan = Plan(jobs=1000, kills=200, seed=SEED)
    started_s = time.monotonic()
    report = run(plan, patient(settings))
    took_s = time.monotonic() - started_s
    say(f"{plan}: {took_s:.0f} s, {report.recovered} recovered, slowest {report.slowest_s:.1f} s")
    assert report.faults == {}
    assert report.kills == 200
    assert report.recovered > 20, "the kills hit nothing: this run proves nothing"


def test_the_checker_finds_faults_of_rq_s_worker_with_a_stale_maintenance_lock(
    settings: Settings, redis: Redis, say: Callable[[str], None]
) -> None:
    plan = Plan(jobs=40, kills=8, seed=SEED)
    assert run(plan, patient(settings)).faults == {}
    redis.flushall()
    redis.set(f"rq:clean_registries:{settings.queue}", 1, ex=899)
    home = settings.home.with_name("stock")
    stock = replace(plan, worker="tests.workers.stock", reaper=False)
    report = run(stock, patient(settings).model_copy(update={"home": home}))
    say(f"{stock}: {len(report.lost)} of {plan.jobs} lost, {len(report.unsettled)} unsettled")
    assert report.lost
    assert report.slowest_s > LATE_S


class Users:
    """Submit jobs, each repeatedly until it is accepted."""

    def __init__(self, queue: JobQueue, store: Store, chance: random.Random) -> None:
        self.queue, self.store, self.chance = queue, store, chance
        self.specs: dict[str, JobSpec] = {}
        self.refused = 0

    def submit(self, count: int) -> None:
        """Submit new jobs, and return when all are accepted."""
        for seed in range(len(self.specs), len(self.specs) + count):
            spec = toy_spec(seed, seconds=round(self.chance.uniform(0.01, 0.4), 3))
            self.specs[spec.key] = spec
            wait_for(partial(self._accepted, spec), timeout_s=BACK_WITHIN_S, what="Redis")
            time.sleep(self.chance.uniform(0.0, 0.1))

    def _accepted(self, spec: JobSpec) -> bool:
        try:
            self.queue.submit(spec, self.store)
        except QueueUnavailable:
            self.refused += 1
            return False
        return True

    def ended(self) -> bool:
        """Whether all accepted jobs are finished."""
        try:
            states = self.queue.states(self.specs)
        except QueueUnavailable:
            return False
        return all(states[key].state == "finished" if key in states else self.store.has(key) for key in self.specs)


def kill_redis(server: EmbeddedRedis) -> None:
    """Kill the server; its watcher restarts it."""
    process = server.process
    assert process is not None
    process.kill()
    wait_for(lambda: server.process is not process, timeout_s=BACK_WITHIN_S, what="another server")


def test_15_kills_of_redis_under_load_lose_no_job_and_no_worker(tmp_path: Path, say: Callable[[str], None]) -> None:
    settings = Settings(home=tmp_path / "home", lease_s=20.0, reaper_tick_s=0.2, threads=1, device="cpu")
    store, chance = open_store(settings), random.Random(SEED)  # noqa: S311  to be replayed
    with embedded_redis(settings) as server, connect(settings) as redis:
        users = Users(JobQueue(redis, settings), store, random.Random(SEED))  # noqa: S311
        workers, reapers = Nanny(settings, 2, "tests.workers.toy"), Nanny(settings, 1, "workers.services.reaper")
        try:
            wait_for(lambda: len([w for w in users.queue.workers() if w.device]) == 2, what="two ready workers")
            asking = threading.Thread(target=users.submit, args=(300,))
            asking.start()
            for _ in range(15):
                time.sleep(chance.uniform(0.2, 1.2))
                kill_redis(server)
            asking.join()
            stopped_s = time.monotonic()
            wait_for(users.ended, timeout_s=LATE_S + 300 * 0.4, what="the end of all jobs")
            alive = [process.poll() is None for process in workers.processes + reapers.processes]
            report = check(users.specs, store, users.queue, Journal(settings.home), {})
        finally:
            workers.stop()
            reapers.stop()
    drained_s = time.monotonic() - stopped_s
    say(f"seed {SEED}: {len(users.specs)} jobs, {users.refused} refused tries, the rest took {drained_s:.1f} s")
    assert users.refused, "no submit met a Redis that was away: this run proves nothing"
    assert alive == [True, True, True]
    assert report.faults == {}
    starts = Journal(settings.home).pids("start")
    assert len(starts) == len(users.specs), "no job is done twice"


def test_20_users_and_200_queued_jobs_on_two_workers_are_served_in_time(
    settings: Settings, queue: JobQueue, store: Store, say: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)  # noqa: S311  to be replayed
    users = [User(settings, store, a_comparison(store, seed, pictures=5), chance) for seed in range(20)]
    workers, reapers = Nanny(settings, 2, "tests.workers.load"), Nanny(settings, 1, "workers.services.reaper")
    try:
        wait_for(lambda: len([worker for worker in queue.workers() if worker.device]) == 2, what="two ready workers")
        for user in users:
            user.start()
        ends_s = time.monotonic() + LOAD_S
        for user in users:
            user.join(max(0.0, ends_s - time.monotonic()))
    finally:
        workers.stop()
        reapers.stop()
    assert [user.fault for user in users] == [None] * 20
    assert not any(user.is_alive() for user in users)
    published = {key: at for at, event, key, _ in Journal(settings.home).read() if event == "published"}
    seen = {key: at for user in users for key, at in user.seen_at.items()}
    assert len(published) == len(seen) == 200
    submit_s = p95([taken for user in users for taken in user.asked_s])
    rerun_s = p95([taken for user in users for taken in user.looked_s])
    seen_s = p95([seen[key] - at for key, at in published.items()])
    say(f"p95: submit of 10 cells {submit_s:.3f} s, look {rerun_s:.3f} s, finished to seen {seen_s:.2f} s")
    assert submit_s <= 0.25
    assert rerun_s <= 0.5
    assert seen_s <= 2.0
