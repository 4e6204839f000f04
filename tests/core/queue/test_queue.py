from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue

from core.errors import BadInput, BadLink, QueueUnavailable
from core.items import Result, Scalar
from core.jobs.spec import JobSpec
from core.queue.connection import connect
from core.queue.ledger import Ledger, Taken, progress_key
from core.queue.queue import TASK, DamagedRecord, JobQueue, open_queue, read_record
from core.settings import Settings
from core.store.store import Store, open_store
from tests.workers.toy import toy_spec

DOCUMENT = toy_spec().document()


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def queue(redis: Redis, settings: Settings) -> JobQueue:
    return JobQueue(redis, settings)


def start(queue: JobQueue, execution: str = "first") -> Taken:
    """Do what a worker does to the next job."""
    key = queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key).decode()
    taken = queue.ledger.take(key, execution, lease_s=30, worker="worker")
    assert isinstance(taken, Taken)
    return taken


def publish(store: Store, spec: JobSpec) -> None:
    store.publish(spec, Result({"seed": Scalar(value=1.0)}), {})


def test_a_new_job_is_queued_and_asking_again_joins_it(queue: JobQueue, store: Store) -> None:
    spec = toy_spec()
    assert [queue.submit(spec, store).state for _ in range(2)] == ["queued", "queued"]
    assert queue.counts()["queued"] == 1
    start(queue)
    assert queue.submit(spec, store).state == "started"


def test_what_is_stored_is_never_queued(queue: JobQueue, store: Store) -> None:
    publish(store, toy_spec())
    assert queue.submit(toy_spec(), store).state == "cached"
    assert not any(queue.counts().values())


def test_racing_submits_are_one_job(settings: Settings, store: Store, queue: JobQueue) -> None:
    together = threading.Barrier(24)

    def submit(_: int) -> str:
        with connect(settings) as redis:
            mine = JobQueue(redis, settings)
            together.wait()
            return mine.submit(toy_spec(), store).state

    with ThreadPoolExecutor(24) as pool:
        states = list(pool.map(submit, range(24)))
    assert set(states) == {"queued"}
    assert queue.redis.llen(queue.ledger.queue_key) == 1


@pytest.mark.parametrize("ended", ["failed", "canceled", "finished"])
def test_racing_submits_replace_an_ended_job_by_one(settings: Settings, store: Store, ended: str) -> None:
    queue = open_queue(settings)
    queue.submit(toy_spec(), store)
    taken = start(queue)
    if ended == "canceled":
        queue.cancel(taken.key)
    elif ended == "failed":
        queue.ledger.fail(taken.key, taken.token, code="x", sentence="x", trace="", ttl_s=60)
    else:
        queue.ledger.finish(taken.key, taken.token)
    with ThreadPoolExecutor(16) as pool:
        states = set(pool.map(lambda _: queue.submit(toy_spec(), store).state, range(16)))
    assert states == {"queued"}
    assert queue.redis.llen(queue.ledger.queue_key) == 1
    assert sum(queue.counts().values()) == 1


def test_front_goes_first(queue: JobQueue, store: Store) -> None:
    for seed in range(3):
        queue.submit(toy_spec(seed), store)
    queue.submit(toy_spec(9), store, front=True)
    assert [row.document["seed"] for row in queue.waiting() if row.document] == [9, 0, 1, 2]


def test_states_take_one_round_trip_and_omit_missing_jobs(
    queue: JobQueue, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [toy_spec(seed) for seed in range(30)]
    for spec in specs[:20]:
        queue.submit(spec, store)
    taken = start(queue)
    queue.ledger.report(taken.key, taken.token, {"step": 3, "total": 9, "scalars": '{"loss": 0.5}'}, b"webp")
    monkeypatch.setattr(queue.redis, "execute_command", None)
    states = queue.states([spec.key for spec in specs])
    assert len(states) == 20
    job = states[taken.key]
    assert (job.state, job.step, job.total, job.scalars, job.preview) == ("started", 3, 9, {"loss": 0.5}, 1)
    assert (job.worker, job.attempts) == ("worker", 1)


def test_a_preview_is_read_by_its_key(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    taken = start(queue)
    assert queue.preview(taken.key) is None
    queue.ledger.report(taken.key, taken.token, {"step": 1}, b"webp")
    assert queue.preview(taken.key) == b"webp"


def test_a_canceled_job_leaves_the_queue(queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    assert queue.cancel(key) == "queued"
    assert queue.states([key])[key].state == "canceled"
    assert queue.redis.llen(queue.ledger.queue_key) == 0
    assert queue.cancel(key) == "canceled"


def test_a_job_canceled_while_it_runs_can_settle_nothing(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    taken = start(queue)
    assert queue.cancel(taken.key) == "started"
    ledger = queue.ledger
    assert not ledger.holds(taken.key, taken.token)
    assert not ledger.finish(taken.key, taken.token)
    assert not ledger.renew(taken.key, taken.token, 30)
    assert not ledger.release(taken.key, taken.token)
    assert ledger.lose(taken.key, taken.token, sentence="x", max_attempts=3, ttl_s=60) == "none"
    assert queue.states([taken.key])[taken.key].state == "canceled"


def test_a_job_taken_again_is_no_longer_held_by_the_first_worker(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    old = start(queue, "old")
    queue.ledger.release(old.key, old.token)
    new = start(queue, "new")
    assert not queue.ledger.finish(old.key, "old")
    assert not queue.ledger.report(old.key, "old", {"step": 1})
    assert queue.ledger.finish(new.key, "new")


def test_a_take_whose_reply_was_lost_can_be_repeated(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    taken = start(queue)
    assert queue.ledger.take(taken.key, taken.token, lease_s=30, worker="worker") == taken


def test_a_key_that_is_twice_in_the_list_runs_once(queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.rpush(queue.ledger.queue_key, key)
    start(queue)
    queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key)
    assert queue.ledger.take(key, "second", lease_s=30, worker="w") == "started"
    assert queue.redis.llen(queue.ledger.popped_key) == 0


def test_retry_queues_a_failed_job_again_without_its_error(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    taken = start(queue)
    queue.ledger.fail(taken.key, taken.token, code="computation_failed", sentence="why", trace="where", ttl_s=60)
    row = queue.failed()[0]
    assert (row.job.error, row.job.error_code, row.trace, row.method) == ("why", "computation_failed", "where", "toy")
    assert queue.retry(taken.key) == "queued"
    job = queue.states([taken.key])[taken.key]
    assert (job.state, job.error, job.attempts) == ("queued", None, 0)
    assert queue.redis.ttl(f"rq:job:{taken.key}") == -1
    assert queue.failed() == []


def test_retry_of_a_missing_job_raises(queue: JobQueue) -> None:
    with pytest.raises(BadInput, match="cannot be retried"):
        queue.retry("0" * 64)


def test_a_damaged_record_cannot_be_retried_but_submitted_again(queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.hset(f"rq:job:{key}", "status", b"\xff")
    with pytest.raises(BadInput, match="missing or damaged"):
        queue.retry(key)
    assert queue.submit(toy_spec(), store).state == "queued"


def test_listings_show_what_runs(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(1), store)
    queue.submit(toy_spec(2), store)
    taken = start(queue)
    assert [row.job.key for row in queue.running()] == [taken.key]
    assert [row.job.key for row in queue.waiting()] == [toy_spec(2).key]
    assert queue.counts() == {"queued": 1, "started": 1, "finished": 0, "failed": 0, "canceled": 0}


def test_a_popped_job_still_counts_as_waiting(queue: JobQueue, store: Store) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key)
    assert queue.counts()["queued"] == 1
    assert [row.job.key for row in queue.waiting()] == [key]


@pytest.mark.parametrize("field", ["data", "status", "attempts"])
def test_a_damaged_record_does_not_hide_the_others(queue: JobQueue, store: Store, field: str) -> None:
    bad, good = queue.submit(toy_spec(1), store).key, queue.submit(toy_spec(2), store).key
    queue.redis.hset(f"rq:job:{bad}", field, b"\xff\x00garbage")
    assert queue.states([bad, good])[good].state == "queued"
    assert good in [row.job.key for row in queue.waiting()]


@pytest.mark.parametrize("document", [{}, {"method": 5, "network": 7}, {"method": {"name": None}}, {"x": []}])
def test_a_foreign_document_is_one_row_without_names(
    queue: JobQueue, store: Store, document: dict[str, object]
) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.hset(f"rq:job:{key}", "data", record(TASK, None, [document], {}))
    (row,) = queue.waiting()
    assert (row.method, row.network) == ("?", None)


@pytest.mark.parametrize("scalars", [b"[1]", b"5", b'{"loss": "high"}', b'{"loss": null}', b"[" * 100_000])
def test_foreign_scalars_are_ignored(queue: JobQueue, store: Store, scalars: bytes) -> None:
    key = queue.submit(toy_spec(), store).key
    queue.redis.hset(progress_key(key), mapping={"scalars": scalars, "step": 3})
    state = queue.states([key])[key]
    assert (state.step, state.scalars) == (3, {})


def test_a_record_of_another_type_is_a_failed_job_that_can_be_submitted_again(queue: JobQueue, store: Store) -> None:
    key = toy_spec().key
    queue.redis.set(f"rq:job:{key}", "rubbish")
    assert queue.states([key])[key].error_code == "damaged"
    assert queue.submit(toy_spec(), store).state == "queued"
    assert queue.states([key])[key].state == "queued"


def test_redis_away_raises_within_3_seconds(tmp_path: Path, store: Store) -> None:
    queue = open_queue(Settings(home=tmp_path))
    asked = time.monotonic()
    with pytest.raises(QueueUnavailable, match="cannot be reached"):
        queue.submit(toy_spec(), store)
    assert time.monotonic() - asked < 3


def test_a_silent_redis_raises_within_3_seconds(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.redis_socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(settings.redis_socket))
        mute.listen()
        asked = time.monotonic()
        with pytest.raises(QueueUnavailable):
            open_queue(settings).counts()
        assert time.monotonic() - asked < 3


def test_a_key_made_by_hand_is_refused(queue: JobQueue) -> None:
    with pytest.raises(BadLink):
        queue.states(["../etc"])


def record(*call: object) -> bytes:
    return zlib.compress(json.dumps(call).encode())


def test_the_record_that_rq_writes_is_read(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    assert read_record(start(queue).data) == DOCUMENT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zlib",
        record("os.system", None, ["true"], {}),
        record("os.system", None, [DOCUMENT], {}),
        record(TASK, "instance", [DOCUMENT], {}),
        record(TASK, None, [DOCUMENT, 1], {}),
        record(TASK, None, ["text"], {}),
        record(TASK, None, [DOCUMENT], {"more": 1}),
        record([TASK], None, [DOCUMENT], {}),
        record(TASK, None, [{"x": "y" * 2_000_000}], {}),
        record(TASK, None, [DOCUMENT], {})[:-9],
    ],
)
def test_any_other_record_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        read_record(data)


def test_no_pickle_is_ever_written(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    data = queue.redis.hget(f"rq:job:{toy_spec().key}", "data")
    assert isinstance(data, bytes)
    assert read_record(data) == DOCUMENT
    assert Queue("gazegrid", connection=queue.redis, serializer="json").count == 1


def test_leases_expire_by_redis_clock(queue: JobQueue, store: Store) -> None:
    queue.submit(toy_spec(), store)
    taken = start(queue)
    ledger: Ledger = queue.ledger
    assert ledger.expired() == []
    ledger.renew(taken.key, taken.token, 0.001)
    time.sleep(0.01)
    assert ledger.expired() == [(taken.key, taken.token)]
    assert ledger.recover(taken.key, taken.token, sentence="gone", max_attempts=3, ttl_s=60) == "queued"
    assert ledger.recover(taken.key, taken.token, sentence="gone", max_attempts=3, ttl_s=60) == "none"
