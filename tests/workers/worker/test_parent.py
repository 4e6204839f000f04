from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rq import Callback, Queue
from rq.command import PUBSUB_CHANNEL_TEMPLATE, send_stop_job_command

from core.queue.connection import connect
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store, open_store
from tests.workers.conftest import Stable, horse_of, is_there, kill, only_worker, state_of, wait_for
from tests.workers.toy import Journal, toy_spec
from workers.services.redis_server import EmbeddedRedis, find_server


@pytest.fixture
def worker(stable: Stable) -> Stable:
    """One worker."""
    stable.start()
    return stable


def ended(journal: Journal, pid: int) -> bool:
    """Whether the process has ended, or has noticed that its job was canceled."""
    return not is_there(pid) or pid in journal.pids("superseded")


@pytest.mark.usefixtures("worker")
def test_one_process_computes_several_jobs(queue: JobQueue, store: Store, journal: Journal) -> None:
    specs = [toy_spec(seed) for seed in range(20)]
    for spec in specs:
        queue.submit(spec, store)
    wait_for(lambda: state_of(queue, specs[-1].key) == "finished")
    assert all(store.has(spec.key) for spec in specs)
    assert len(journal.pids()) == 20
    assert set(journal.pids()) == {horse_of(queue, only_worker(queue))}


@pytest.mark.usefixtures("worker")
def test_progress_is_visible_while_the_job_runs(queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(seconds=1.5), store).key
    wait_for(lambda: queue.states([key])[key].step > 20, what="progress")
    job = queue.states([key])[key]
    assert job.total == 100
    assert job.scalars["left"] < 1.5
    wait_for(lambda: only_worker(queue).job == key)
    assert only_worker(queue).state == "busy"


@pytest.mark.usefixtures("worker")
def test_the_loaded_networks_of_a_worker_are_listed(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    wait_for(lambda: only_worker(queue).networks == ("toy/network",))
    assert (only_worker(queue).device, only_worker(queue).finished) == ("toy", 1)


@pytest.mark.usefixtures("worker")
def test_a_canceled_job_ends_within_5_s_and_publishes_nothing(queue: JobQueue, store: Store, journal: Journal) -> None:
    spec = toy_spec(seconds=60)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    assert queue.cancel(spec.key) == "started"
    wait_for(lambda: ended(journal, journal.pids("start")[0]), timeout_s=5)
    queue.submit(toy_spec(2), store)
    wait_for(lambda: store.has(toy_spec(2).key))
    assert state_of(queue, spec.key) == "canceled"
    assert not store.has(spec.key)
    assert only_worker(queue).failed == 0


@pytest.mark.usefixtures("worker")
def test_a_cancel_takes_effect_without_its_message(queue: JobQueue, store: Store, journal: Journal) -> None:
    spec = toy_spec(seconds=60)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    queue.ledger.cancel(spec.key, ttl_s=60)
    wait_for(lambda: ended(journal, journal.pids("start")[0]), timeout_s=5)


@pytest.mark.usefixtures("worker")
def test_rq_s_own_stop_command_cancels(queue: JobQueue, store: Store, journal: Journal) -> None:
    spec = toy_spec(seconds=60)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    send_stop_job_command(queue.redis, spec.key, serializer="json")
    wait_for(lambda: state_of(queue, spec.key) == "canceled", timeout_s=5)
    queue.submit(spec, store)
    wait_for(lambda: len(journal.pids("start")) == 2)


@pytest.mark.usefixtures("worker")
def test_a_malformed_command_does_no_harm(queue: JobQueue, store: Store) -> None:
    name = only_worker(queue).name
    for rubbish in ("{", "[]", "{}", '{"command": "stop-job"}', '{"command": "stop-job", "job_id": 7}'):
        queue.redis.publish(f"rq:pubsub:{name}", rubbish)
    spec = toy_spec(seconds=60)
    queue.submit(spec, store)
    wait_for(lambda: state_of(queue, spec.key) == "started")
    assert queue.cancel(spec.key) == "started"
    wait_for(lambda: only_worker(queue).job is None, timeout_s=5)


@pytest.mark.usefixtures("worker")
def test_a_killed_process_is_replaced_and_its_job_retried(queue: JobQueue, store: Store, journal: Journal) -> None:
    spec = toy_spec(seconds=1)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    kill(journal.pids("start")[0])
    wait_for(lambda: state_of(queue, spec.key) == "finished")
    assert queue.states([spec.key])[spec.key].attempts == 2
    assert len(set(journal.pids("start"))) == 2
    assert journal.count("publish", spec.key) == 1


@pytest.mark.usefixtures("worker")
def test_a_job_that_crashes_its_process_fails_and_the_others_run(queue: JobQueue, store: Store) -> None:
    killer, others = toy_spec(fault="exit"), [toy_spec(seed) for seed in range(1, 6)]
    for spec in [killer, *others]:
        queue.submit(spec, store)
    wait_for(lambda: all(store.has(spec.key) for spec in others))
    wait_for(lambda: state_of(queue, killer.key) == "failed")
    job = queue.states([killer.key])[killer.key]
    assert (job.error_code, job.attempts) == ("worker_lost", 3)
    assert job.error == "the job crashed its worker 3 times: its process ended with status 3"


@pytest.mark.usefixtures("reaper")
def test_a_job_that_crashes_whole_workers_fails(stable: Stable, queue: JobQueue, store: Store) -> None:
    for _ in range(3):
        stable.start()
    spec = toy_spec(fault="die with parent")
    queue.submit(spec, store)
    wait_for(lambda: state_of(queue, spec.key) == "failed")
    assert queue.states([spec.key])[spec.key].error_code == "worker_lost"
    wait_for(lambda: all(process.poll() is not None for process in stable.processes))


@pytest.mark.usefixtures("worker")
def test_a_failure_has_a_code_a_sentence_and_a_separate_trace(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(fault="fail"), store)
    queue.submit(toy_spec(fault="raise"), store)
    wait_for(lambda: len(queue.failed()) == 2)
    raised, failed = queue.failed()
    assert (failed.job.error_code, failed.job.error) == ("computation_failed", "the toy was told to fail")
    assert (raised.job.error_code, raised.job.attempts) == ("computation_failed", 1)
    assert "Traceback" not in str(raised.job.error)
    assert "ValueError: the toy was told to raise" in raised.trace


@pytest.mark.usefixtures("worker")
def test_a_process_out_of_memory_is_replaced(queue: JobQueue, store: Store, journal: Journal) -> None:
    queue.submit(toy_spec(fault="spoil"), store)
    queue.submit(toy_spec(1), store)
    wait_for(lambda: store.has(toy_spec(1).key))
    assert len(set(journal.pids("start"))) == 2
    assert state_of(queue, toy_spec(fault="spoil").key) == "failed"


def test_a_job_beyond_its_time_limit_is_killed(settings: Settings, queue: JobQueue, store: Store) -> None:
    stable = Stable(settings.model_copy(update={"job_timeout_s": 1}))
    stable.start()
    spec = toy_spec(seconds=60)
    queue.submit(spec, store)
    wait_for(lambda: state_of(queue, spec.key) == "failed")
    assert "time limit of 1 s" in str(queue.states([spec.key])[spec.key].error)
    stable.kill_all()


@pytest.mark.usefixtures("reaper")
def test_a_killed_worker_s_process_dies_with_it_and_another_takes_the_job(
    stable: Stable, queue: JobQueue, store: Store, journal: Journal
) -> None:
    first = stable.start()
    spec = toy_spec(seconds=5)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    first.kill()
    wait_for(lambda: not is_there(journal.pids("start")[0]), timeout_s=4)  # before its job would have ended
    stable.start()
    wait_for(lambda: len(journal.pids("start")) == 2)
    wait_for(lambda: state_of(queue, spec.key) == "finished")
    assert journal.count("publish", spec.key) == 1


@pytest.mark.usefixtures("reaper")
def test_a_frozen_worker_loses_its_job_and_publishes_nothing(
    stable: Stable, queue: JobQueue, store: Store, journal: Journal
) -> None:
    first = stable.start()
    spec = toy_spec(seconds=1.5)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    frozen = [first.pid, journal.pids("start")[0]]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    stable.start()
    wait_for(lambda: state_of(queue, spec.key) == "finished")
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not is_there(frozen[1]) or journal.count("superseded", spec.key))
    assert journal.count("publish", spec.key) == 1
    queue.submit(toy_spec(7), store)
    wait_for(lambda: store.has(toy_spec(7).key))


@pytest.mark.parametrize(("grace_s", "starts"), [(10.0, 1), (0.0, 2)])
def test_sigterm_loses_nothing(
    stable: Stable, queue: JobQueue, store: Store, journal: Journal, grace_s: float, starts: int
) -> None:
    """Within the grace period the job ends; after it, the job is requeued."""
    first = stable.start(grace_s=grace_s)
    spec = toy_spec(seconds=1.5)
    queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    first.terminate()
    assert first.wait(10) == 0
    assert queue.workers() == []
    assert store.has(spec.key) == (starts == 1)
    stable.start()
    wait_for(lambda: store.has(spec.key))
    assert journal.count("start", spec.key) == starts
    wait_for(lambda: state_of(queue, spec.key) == "finished")
    assert queue.states([spec.key])[spec.key].attempts == 1


def test_an_idle_worker_stops_within_2_seconds(worker: Stable, queue: JobQueue) -> None:
    only_worker(queue)
    worker.processes[0].terminate()
    assert worker.processes[0].wait(3) == 0


@pytest.mark.usefixtures("worker")
def test_a_foreign_job_is_not_run(queue: JobQueue, store: Store, tmp_path: Path) -> None:
    mark, harm = tmp_path / "harm", f"{__name__}.harm"
    rq = Queue("gazegrid", connection=queue.redis, serializer="json")
    bad = [
        rq.enqueue("os.system", f"touch {mark}"),
        rq.enqueue("os.system", f"touch {mark}", job_id="ab" * 32),
        rq.enqueue(
            "workers.worker.task.run_spec", toy_spec(8).document(), on_success=Callback(harm), job_id=toy_spec(8).key
        ),
    ]
    queue.submit(toy_spec(), store)
    wait_for(lambda: store.has(toy_spec().key) and store.has(toy_spec(8).key))
    assert not mark.exists()
    assert queue.redis.hget(f"rq:job:{bad[0].id}", "status") == b"failed"
    job = queue.states(["ab" * 32])["ab" * 32]
    assert (job.state, job.error_code) == ("failed", "damaged")
    assert "os.system" in str(job.error)
    assert queue.redis.exists(f"gazegrid:quarantine:{'ab' * 32}")


@pytest.mark.usefixtures("worker", "reaper")
def test_damaged_records_do_not_stop_the_worker(queue: JobQueue, store: Store) -> None:
    damage = {
        "data": b"\xff",
        "status": b"\xff\xfe",
        "origin": b"\xff",
        "created_at": b"x",
        "attempts": b"x",
        "timeout": b"x",
    }
    names = [f"rq:job:{toy_spec(seed).key}" for seed in range(10, 19)]
    with queue.redis.pipeline() as pipe:  # all at once: the worker is idle and quick
        for name, field in zip(names, damage, strict=False):
            pipe.hset(name, mapping={"data": b"x", "status": "queued", "origin": "gazegrid", field: damage[field]})
        pipe.hset(names[6], "status", "queued")
        pipe.set(names[7], "text")
        for name in names:
            pipe.rpush(queue.ledger.queue_key, name.removeprefix("rq:job:"))
        pipe.rpush(queue.ledger.queue_key, b"\xff\xfe", "", "no such job")
        pipe.execute()
    queue.submit(toy_spec(), store)
    wait_for(lambda: store.has(toy_spec().key))
    keys = [name.removeprefix("rq:job:") for name in names[:8]]
    wait_for(lambda: len(queue.states(keys)) == 8 and {job.state for job in queue.states(keys).values()} == {"failed"})
    assert queue.counts()["queued"] == 0


class OwnRedis:
    """A server of one test that is not restarted when it is killed; leases are longer than the outages."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, lease_s=20.0, reaper_tick_s=0.1, threads=1)
        self.settings.redis_socket.parent.mkdir(mode=0o700, parents=True)
        self.server = EmbeddedRedis(self.settings, find_server(None))
        self.restart()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.process = self.server._launch()
        self.server._wait_until_up(self.process)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    made = OwnRedis(tmp_path / "own")
    yield made
    made.kill()


@pytest.fixture
def own_queue(own_redis: OwnRedis) -> Iterator[JobQueue]:
    with connect(own_redis.settings) as connection:
        yield JobQueue(connection, own_redis.settings)


@pytest.fixture
def own_worker(own_redis: OwnRedis) -> Iterator[subprocess.Popen[bytes]]:
    stable = Stable(own_redis.settings)
    yield stable.start()
    stable.kill_all()


@pytest.mark.parametrize("away_s", [1.0, 8.0])
def test_an_outage_of_redis_loses_neither_worker_nor_networks_nor_work(
    own_redis: OwnRedis, own_queue: JobQueue, own_worker: subprocess.Popen[bytes], away_s: float
) -> None:
    """1 s in the middle of a job of 4 s, and 8 s over its end."""
    store, journal = open_store(own_redis.settings), Journal(own_redis.settings.home)
    spec = toy_spec(seconds=4)
    own_queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    own_redis.kill()
    time.sleep(away_s)
    assert store.has(spec.key) == (away_s > 4)
    own_redis.restart()
    wait_for(lambda: state_of(own_queue, spec.key) == "finished", timeout_s=10)
    own_queue.submit(toy_spec(1), store)
    wait_for(lambda: store.has(toy_spec(1).key), timeout_s=10)
    assert own_worker.poll() is None
    assert len(set(journal.pids())) == 1
    assert journal.count("start", spec.key) == 1


def test_an_idle_worker_reconnects_after_an_outage_of_redis(
    own_redis: OwnRedis, own_queue: JobQueue, own_worker: subprocess.Popen[bytes]
) -> None:
    store, journal = open_store(own_redis.settings), Journal(own_redis.settings.home)
    worker = only_worker(own_queue)
    horse = horse_of(own_queue, worker)
    own_redis.kill()
    time.sleep(3)
    own_redis.restart()
    channel = PUBSUB_CHANNEL_TEMPLATE % worker.name
    wait_for(lambda: own_queue.redis.pubsub_numsub(channel)[0][1], what="the channel of commands")
    spec = toy_spec(seconds=60)
    own_queue.submit(spec, store)
    wait_for(lambda: journal.count("start", spec.key))
    own_queue.cancel(spec.key)
    wait_for(lambda: ended(journal, horse))
    assert own_worker.poll() is None


def test_a_worker_cut_off_for_longer_than_its_lease_ends_its_job(own_redis: OwnRedis, own_queue: JobQueue) -> None:
    stable = Stable(own_redis.settings.model_copy(update={"lease_s": 1.0}))
    stable.start()
    store, journal = open_store(own_redis.settings), Journal(own_redis.settings.home)
    spec = toy_spec(seconds=6)
    own_queue.submit(spec, store)
    wait_for(lambda: journal.pids("start"))
    own_redis.kill()
    wait_for(lambda: not is_there(journal.pids("start")[0]), timeout_s=5)  # before its job would have ended
    own_redis.restart()
    wait_for(lambda: state_of(own_queue, spec.key) == "finished")
    assert own_queue.states([spec.key])[spec.key].attempts == 1
    stable.kill_all()


def test_a_worker_stops_while_redis_is_away(
    own_redis: OwnRedis, own_queue: JobQueue, own_worker: subprocess.Popen[bytes]
) -> None:
    horse = horse_of(own_queue, only_worker(own_queue))
    own_redis.kill()
    own_worker.terminate()
    own_worker.wait(15)
    wait_for(lambda: not is_there(horse))
