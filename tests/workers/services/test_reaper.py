from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from core.items import Result, Scalar
from core.queue.connection import connect
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store
from tests.workers.conftest import state_of, take
from tests.workers.soak import Plan, check, run
from tests.workers.toy import Journal, toy_spec
from workers.services import reaper as reaper_module
from workers.services.reaper import Reaper


@pytest.fixture
def idle_reaper(redis: Redis, settings: Settings) -> Reaper:
    """A reaper that ticks when called, with a Redis that has been up for long."""
    made = Reaper(redis, settings)
    made.tick()
    made._leases_count_from_s = 0.0
    return made


def sweep(reaper: Reaper) -> None:
    reaper._next_sweep_s = 0.001
    reaper.tick()


def test_a_job_with_an_expired_lease_is_requeued_three_times_then_fails(
    idle_reaper: Reaper, queue: JobQueue, store: Store
) -> None:
    key = queue.submit(toy_spec(), store).key
    for expected in ("queued", "queued", "failed"):
        take(queue, lease_s=0.001)
        time.sleep(0.01)
        idle_reaper.tick()
        assert state_of(queue, key) == expected
    job = queue.states([key])[key]
    assert (job.error_code, job.attempts) == ("worker_lost", 3)
    assert job.error == "the job crashed its worker 3 times: its worker stopped sending heartbeats"


def test_a_job_with_a_valid_lease_is_left_alone(idle_reaper: Reaper, queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    taken = take(queue, lease_s=30)
    sweep(idle_reaper)
    assert state_of(queue, key) == "started"
    assert queue.ledger.finish(key, taken.token)


def test_a_lost_job_is_requeued_at_the_end(idle_reaper: Reaper, queue: JobQueue, store: Store) -> None:
    keys = [queue.submit(toy_spec(seed), store).key for seed in range(3)]
    take(queue, lease_s=0.001)
    time.sleep(0.01)
    idle_reaper.tick()
    assert [row.job.key for row in queue.waiting()] == [keys[1], keys[2], keys[0]]


def test_a_popped_job_is_requeued_at_the_front(
    idle_reaper: Reaper, queue: JobQueue, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [queue.submit(toy_spec(seed), store).key for seed in range(2)]
    queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key)
    idle_reaper.tick()
    assert queue.redis.llen(queue.ledger.popped_key) == 1
    monkeypatch.setattr(reaper_module, "POPPED_GRACE_S", 0.0)
    time.sleep(0.01)
    idle_reaper.tick()
    assert [row.job.key for row in queue.waiting()] == keys
    assert queue.redis.llen(queue.ledger.popped_key) == 0


def test_a_job_in_no_list_is_requeued(idle_reaper: Reaper, queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.delete(queue.ledger.queue_key)
    sweep(idle_reaper)
    sweep(idle_reaper)
    assert queue.redis.lrange(queue.ledger.queue_key, 0, -1) == [key.encode()]


def test_a_started_job_without_a_lease_is_requeued(idle_reaper: Reaper, queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    take(queue, lease_s=30)
    queue.redis.delete(queue.ledger.leases_key)
    sweep(idle_reaper)
    assert state_of(queue, key) == "queued"


DAMAGE: list[Callable[[Redis, str], object]] = [
    lambda redis, name: redis.hset(name, "status", "rubbish"),
    lambda redis, name: redis.hdel(name, "status"),
    lambda redis, name: redis.hset(name, "status", "started"),
    lambda redis, name: redis.set(name, "text"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_unreadable_record_is_quarantined_and_its_job_fails(
    idle_reaper: Reaper, queue: JobQueue, store: Store, damage: Callable[[Redis, str], object]
) -> None:
    key = queue.submit(toy_spec(), store).key
    damage(queue.redis, f"rq:job:{key}")
    sweep(idle_reaper)
    job = queue.states([key])[key]
    assert (job.state, job.error_code) == ("failed", "damaged")
    assert queue.redis.exists(f"gazegrid:quarantine:{key}")
    assert queue.counts() == {"queued": 0, "started": 0, "finished": 0, "failed": 1, "canceled": 0}
    assert queue.submit(toy_spec(), store).state == "queued"


def test_after_an_outage_of_redis_workers_have_a_lease_time_to_return(
    redis: Redis, settings: Settings, queue: JobQueue, store: Store
) -> None:
    key = queue.submit(toy_spec(), store).key
    take(queue, lease_s=0.001)
    reaper = Reaper(redis, settings)
    reaper._wait_for_workers(0.3)
    reaper.tick()
    assert state_of(queue, key) == "started"
    time.sleep(max(0.0, reaper._leases_count_from_s - time.monotonic()))
    reaper.tick()
    assert state_of(queue, key) == "queued"


def test_several_reapers_recover_a_job_once(settings: Settings, queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    take(queue, lease_s=0.001)
    time.sleep(0.01)
    for _ in range(4):
        with connect(settings) as redis:
            reaper = Reaper(redis, settings)
            reaper._next_sweep_s = 0.001
            reaper.tick()
    assert queue.redis.llen(queue.ledger.queue_key) == 1
    assert queue.states([key])[key].attempts == 1


def test_dead_workers_are_removed_from_the_list(idle_reaper: Reaper, queue: JobQueue) -> None:
    for everyone in ("rq:workers", "rq:workers:gazegrid"):
        queue.redis.sadd(everyone, "rq:worker:gone", "rq:worker:here")
    queue.redis.hset("rq:worker:here", "pid", 1)
    sweep(idle_reaper)
    assert queue.redis.smembers("rq:workers") == {b"rq:worker:here"}
    assert [worker.name for worker in queue.workers()] == ["here"]


def test_other_queues_are_not_touched(idle_reaper: Reaper, queue: JobQueue) -> None:
    queue.redis.hset("rq:job:other", mapping={"status": "queued", "origin": "other"})
    sweep(idle_reaper)
    assert queue.redis.llen(queue.ledger.queue_key) == 0


def soak_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_s": 1.0, "max_attempts": 50})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_50_kills_over_100_jobs_lose_nothing_and_double_nothing(settings: Settings) -> None:
    report = run(Plan(jobs=100, kills=50, seed=1), soak_settings(settings))
    assert report.faults == {}
    assert report.kills == 50
    assert report.recovered > 5, "the kills hit nothing: this run proves nothing"


@pytest.mark.slow
def test_the_checker_finds_lost_jobs_without_a_reaper(settings: Settings) -> None:
    plan = Plan(jobs=10, kills=12, seed=2, workers=2, reaper=False, patience_s=3)
    assert run(plan, soak_settings(settings)).lost


def test_the_checker_finds_each_fault(queue: JobQueue, store: Store, tmp_path: Path) -> None:
    specs = {spec.key: spec for spec in map(toy_spec, range(5))}
    lost, twice, both, bad, good = specs
    for key, seed in ((twice, 1), (both, 2), (bad, 99), (good, 4)):
        store.publish(specs[key], Result({"seed": Scalar(value=seed)}), {})
    store.publish(toy_spec(7), Result({"seed": Scalar(value=7)}), {})
    journal = Journal(tmp_path)
    lines = [f"1 publish {twice} 11", f"2 publish {twice} 12", f"1 start {both} 21", f"2 start {both} 22"]
    lines += [f"1 start {good} 31", f"3 start {good} 32", f"4 publish {good} 32"]
    journal.file.write_text("\n".join(lines))
    report = check(specs, store, queue, journal, deaths={31: 2.0})
    assert (report.lost, report.unexpected, report.bad) == ([lost], [toy_spec(7).key], [bad])
    assert (report.duplicated, report.overlapping) == ([twice], [both])
