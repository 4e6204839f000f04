"""Jobs on their way: asked for once, looked at in one round trip, canceled hard.

RQ carries them, and its job id is the key. The record of a job names one function and holds one JSON document; nothing
else of a record is ever read, so that callbacks, webhooks and dependencies that somebody wrote into it do nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from redis import Redis
from rq import Queue
from rq.command import send_command
from rq.exceptions import DuplicateJobError

from core.errors import BadInput, GazegridError, QueueUnavailable
from core.items import Series
from core.jobs.spec import JobSpec, checked_key
from core.queue.connection import connect, redis_errors
from core.queue.ledger import FINISHED_TTL_S, LIVE_STATES, Ledger, preview_key, progress_key, split_entry
from core.settings import Settings
from core.store.store import Store

__all__ = ["TASK", "JobQueue", "JobRow", "JobState", "Submission", "WorkerState", "connect", "open_queue"]

TASK = "workers.worker.task.run_spec"
"""The one function that a record may name."""
MAX_DOCUMENT_BYTES = 1_000_000
SUBMIT_TRIES = 8

State = Literal["queued", "started", "finished", "failed", "canceled"]
_STATES = ("queued", "started", "finished", "failed", "canceled")
_JOB_FIELDS = ("status", "worker_name", "attempts", "error_code", "error_sentence")
_ROW_FIELDS = ("data", "enqueued_at", "started_at", "ended_at", "error_trace")


class DamagedRecord(GazegridError):
    """A job's record in Redis that is not one of ours."""


@dataclass(frozen=True)
class Submission:
    """What became of asking for a job: `cached` (nothing to do), `queued`, or `started` (joined)."""

    key: str
    state: Literal["cached", "queued", "started"]


@dataclass(frozen=True)
class JobState:
    """A job now. `preview` is the number of its latest preview, None where there is none."""

    key: str
    state: State
    step: int = 0
    total: int = 0
    scalars: Mapping[str, float] = field(default_factory=dict)
    curves: tuple[Series, ...] = ()
    """What the method has drawn so far."""
    preview: int | None = None
    worker: str | None = None
    attempts: int = 0
    error: str | None = None
    """Why it failed, one sentence."""
    error_code: str | None = None


@dataclass(frozen=True)
class JobRow:
    """A job as the Queue page lists it; times are UTC, ISO. `document` is None where the record is damaged."""

    job: JobState
    document: Mapping[str, Any] | None
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    trace: str
    """Where the code failed, for a developer; empty where there is none."""

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.document["method"]["name"]) if self.document else "?"

    @property
    def network(self) -> str | None:
        """The network's name."""
        identity = self.document["network"] if self.document else None
        return None if identity is None else str(identity).partition("#")[0]


@dataclass(frozen=True)
class WorkerState:
    """A worker that has been heard of lately; times are UTC, ISO."""

    name: str
    state: str
    pid: int
    host: str
    job: str | None
    device: str | None
    networks: tuple[str, ...]
    """Loaded now, the least recently used first."""
    started_at: str | None
    heard_at: str | None
    finished: int
    failed: int


def open_queue(settings: Settings) -> JobQueue:
    """The queue of these settings; asks Redis nothing yet."""
    return JobQueue(connect(settings), settings)


class JobQueue:
    """The client's side of the queue. Every method raises QueueUnavailable, within 3 s, where Redis is away."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.ledger = Ledger(redis, settings.queue)
        self._queue = Queue(settings.queue, connection=redis, serializer="json")

    @redis_errors()
    def submit(self, spec: JobSpec, store: Store, front: bool = False) -> Submission:
        """Ask for a result. However often and from wherever the same is asked, it is computed once.

        Safe to repeat after any error: what was accepted is joined.
        """
        for _ in range(SUBMIT_TRIES):
            if store.manifest(spec.key) is not None:
                return Submission(spec.key, "cached")
            try:
                self._enqueue(spec, front)
            except DuplicateJobError:
                state = self.ledger.clear(spec.key)
                if state in LIVE_STATES:
                    return Submission(spec.key, cast(Literal["queued", "started"], state))
            else:
                return Submission(spec.key, "queued")
        raise QueueUnavailable(f"job {spec.key[:12]} ends as fast as it is asked for")

    def _enqueue(self, spec: JobSpec, front: bool) -> None:
        self._queue.enqueue_call(
            TASK,
            args=(spec.document(),),
            job_id=spec.key,
            unique=True,
            at_front=front,
            timeout=-1,
            result_ttl=FINISHED_TTL_S,
            failure_ttl=self.settings.failure_ttl_s,
            description=f"{spec.method.name} {spec.network_name or ''}".strip(),
        )

    @redis_errors()
    def states(self, keys: Iterable[str]) -> dict[str, JobState]:
        """The jobs of these keys, in one round trip; a key without a job is left out."""
        asked = [checked_key(key) for key in keys]
        with self.redis.pipeline(transaction=False) as pipe:
            for key in asked:
                pipe.hmget(f"rq:job:{key}", _JOB_FIELDS)
                pipe.hgetall(progress_key(key))
            answers = pipe.execute(raise_on_error=False)
        found = (_job_state(key, *answers[2 * n : 2 * n + 2]) for n, key in enumerate(asked))
        return {job.key: job for job in found if job is not None}

    @redis_errors()
    def preview(self, key: str) -> bytes | None:
        """The latest preview of a running job, a WebP of at most 160 px; None where there is none."""
        return cast(bytes | None, self.redis.get(preview_key(checked_key(key))))

    @redis_errors()
    def cancel(self, key: str) -> str:
        """End a job that waits or runs; its worker's process is killed, and nothing is published after this.

        Gives the state in which the job was; one that had ended stays as it is, 'none' where there is no such job.
        """
        before, worker = self.ledger.cancel(checked_key(key), ttl_s=self.settings.failure_ttl_s)
        if before == "started":
            send_command(self.redis, worker, "stop-job", job_id=key)
        return before

    @redis_errors()
    def retry(self, key: str) -> str:
        """Queue a failed or canceled job again; the state it now has.

        Raises BadInput where its record is gone or damaged.
        """
        state = self.ledger.retry(checked_key(key))
        if state not in (*LIVE_STATES, "finished"):
            raise BadInput(f"job {key[:12]} cannot be tried again, its record is gone or damaged: ask for it anew")
        return state

    @redis_errors()
    def waiting(self, most: int = 200) -> list[JobRow]:
        """Jobs that wait, the next one first."""
        ledger = self.ledger
        popped, listed = self.redis.lrange(ledger.popped_key, 0, most), self.redis.lrange(ledger.queue_key, 0, most)
        return self._rows(map(_text, [*reversed(popped), *listed][:most]), "queued")

    @redis_errors()
    def running(self) -> list[JobRow]:
        """Jobs that run."""
        entries = self.redis.zrange(self.ledger.leases_key, 0, -1)
        return self._rows((split_entry(entry)[0] for entry in entries), "started")

    @redis_errors()
    def failed(self, most: int = 200) -> list[JobRow]:
        """Jobs that failed, the latest first."""
        return self._rows(map(_text, self.redis.zrevrange(self.ledger.failed_key, 0, most - 1)), "failed")

    def _rows(self, ids: Iterable[str], state: State) -> list[JobRow]:
        """Those of the jobs that are (still) in this state."""
        keys = list(ids)
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(f"rq:job:{key}", _JOB_FIELDS)
                pipe.hgetall(progress_key(key))
                pipe.hmget(f"rq:job:{key}", _ROW_FIELDS)
            answers = pipe.execute(raise_on_error=False)
        rows = (_job_row(key, *answers[3 * n : 3 * n + 3]) for n, key in enumerate(keys))
        return [row for row in rows if row is not None and row.job.state == state]

    @redis_errors()
    def counts(self) -> dict[str, int]:
        """How many jobs are in each state; those that ended are counted until their records expire."""
        ledger = self.ledger
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.llen(ledger.queue_key)
            pipe.llen(ledger.popped_key)
            for registry in (ledger.leases_key, ledger.finished_key, ledger.failed_key, ledger.canceled_key):
                pipe.zcard(registry)
            listed, popped, *others = pipe.execute()
        return dict(zip(_STATES, (listed + popped, *others), strict=True))

    @redis_errors()
    def workers(self) -> list[WorkerState]:
        """The workers of this queue that have been heard of lately, by name."""
        keys = sorted(map(_text, self.redis.smembers(f"rq:workers:{self.settings.queue}")))
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            answers = pipe.execute(raise_on_error=False)
        found = zip(keys, answers, strict=True)
        return [_worker_state(key, answer) for key, answer in found if isinstance(answer, dict) and b"pid" in answer]


def read_record(data: bytes) -> dict[str, Any]:
    """The document in RQ's record of a call. Raises DamagedRecord for anything but the one call that we make."""
    try:
        call = json.loads(zlib.decompressobj().decompress(data, MAX_DOCUMENT_BYTES))
    except (zlib.error, ValueError, RecursionError) as error:
        raise DamagedRecord(f"the job's record in Redis cannot be read ({type(error).__name__})") from None
    match call:
        case [str(function), None, [dict(document)], dict(keywords)] if function == TASK and not keywords:
            return document
        case [str(function), *_] if function != TASK:
            raise DamagedRecord(f"the job's record names {function[:80]!r}; only {TASK} is ever run")
    raise DamagedRecord("the job's record in Redis is not one that Gazegrid makes")


def _job_state(key: str, job: Any, progress: Any) -> JobState | None:
    """From the answers to HMGET and HGETALL; an error in their place is a record of the wrong type."""
    if isinstance(job, Exception):
        return JobState(key, "failed", error="the job's record in Redis is damaged: run it again", error_code="damaged")
    state, worker, attempts, code, sentence = map(_text, job)
    if state not in _STATES:
        return None
    noted: Mapping[bytes, bytes] = progress if isinstance(progress, dict) else {}
    return JobState(
        key,
        cast(State, state),
        step=_number(noted.get(b"step")),
        total=_number(noted.get(b"total")),
        scalars=_scalars(noted.get(b"scalars", b"{}")),
        curves=_curves(noted.get(b"curves", b"[]")),
        preview=_number(noted.get(b"preview")) or None,
        worker=worker or None,
        attempts=_number(job[2] if attempts else None),
        error=sentence or None,
        error_code=code or None,
    )


def _job_row(key: str, job: Any, progress: Any, more: Any) -> JobRow | None:
    state = _job_state(key, job, progress)
    if state is None or isinstance(more, Exception):
        return None
    _, queued_at, started_at, ended_at, trace = map(_text, more)
    try:
        document: dict[str, Any] | None = read_record(more[0] or b"")
    except DamagedRecord:
        document = None
    return JobRow(state, document, queued_at or None, started_at or None, ended_at or None, trace)


def _worker_state(key: str, raw: Mapping[bytes, bytes]) -> WorkerState:
    noted = {name.decode(errors="replace"): _text(value) for name, value in raw.items()}
    return WorkerState(
        name=key.removeprefix("rq:worker:"),
        state=noted.get("state", "?"),
        pid=_number(raw.get(b"pid")),
        host=noted.get("hostname", "?"),
        job=noted.get("current_job") or None,
        device=noted.get("device") or None,
        networks=tuple(filter(None, noted.get("networks", "").split(" "))),
        started_at=noted.get("birth") or None,
        heard_at=noted.get("last_heartbeat") or None,
        finished=_number(raw.get(b"successful_job_count")),
        failed=_number(raw.get(b"failed_job_count")),
    )


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw or "")


def _number(raw: bytes | None) -> int:
    """A whole number that we wrote; 0 where there is none or somebody else wrote it."""
    return int(raw) if raw and raw.isdigit() else 0


def _scalars(raw: bytes) -> dict[str, float]:
    try:
        noted = json.loads(raw)
    except ValueError:
        return {}
    return {str(name): float(value) for name, value in noted.items()} if isinstance(noted, dict) else {}


def _curves(raw: bytes) -> tuple[Series, ...]:
    try:
        return tuple(
            Series(
                x=np.asarray(curve["x"], np.float32),
                y=np.asarray(curve["y"], np.float32),
                x_label=str(curve["x_label"]),
                y_label=str(curve["y_label"]),
            )
            for curve in json.loads(raw)
        )
    except (ValueError, KeyError, TypeError):
        return ()
