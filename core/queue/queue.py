"""The client's side of the queue: submit jobs, read their states, cancel and retry them.

RQ transports the jobs, and a job's id is its key. A record names one function and holds one JSON document; nothing else
of it is read, so that callbacks, webhooks and dependencies in a foreign record have no effect.
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
"""The only function that a record may name."""
MAX_DOCUMENT_BYTES = 1_000_000
SUBMIT_TRIES = 8
MAX_ROWS = 200
"""Default limit of listed jobs."""

State = Literal["queued", "started", "finished", "failed", "canceled"]
_STATES = ("queued", "started", "finished", "failed", "canceled")
_JOB_FIELDS = ("status", "worker_name", "attempts", "error_code", "error_sentence")
_ROW_FIELDS = ("data", "enqueued_at", "started_at", "ended_at", "error_trace")


class DamagedRecord(GazegridError):
    """A job's record in Redis that Gazegrid did not write."""


@dataclass(frozen=True)
class Submission:
    """The outcome of submitting a job: `cached` (its result is stored), `queued`, or `started` (already running)."""

    key: str
    state: Literal["cached", "queued", "started"]


@dataclass(frozen=True)
class JobState:
    """The current state of a job."""

    key: str
    state: State
    step: int = 0
    total: int = 0
    scalars: Mapping[str, float] = field(default_factory=dict)
    curves: tuple[Series, ...] = ()
    """The method's curves so far."""
    preview: int | None = None
    """Number of the latest preview; None if there is none."""
    worker: str | None = None
    attempts: int = 0
    error: str | None = None
    """Why the job failed, one sentence."""
    error_code: str | None = None


@dataclass(frozen=True)
class JobRow:
    """A row of the page Queue; times are UTC, ISO 8601. `document` is None where the record is damaged."""

    job: JobState
    document: Mapping[str, Any] | None
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    trace: str
    """The traceback of a failed job, for developers; empty if there is none."""

    @property
    def method(self) -> str:
        """Name of the method; `?` where the record is damaged."""
        match self.document:
            case {"method": {"name": str(name)}}:
                return name
        return "?"

    @property
    def network(self) -> str | None:
        """Name of the network; None if there is none, or the record is damaged."""
        match self.document:
            case {"network": str(identity)}:
                return identity.partition("#")[0]
        return None


@dataclass(frozen=True)
class WorkerState:
    """An active worker; times are UTC, ISO 8601."""

    name: str
    state: str
    pid: int
    host: str
    job: str | None
    device: str | None
    networks: tuple[str, ...]
    """Names of the loaded networks, the least recently used first."""
    started_at: str | None
    heard_at: str | None
    finished: int
    failed: int


def open_queue(settings: Settings) -> JobQueue:
    """The queue of these settings. Sends no command yet. Raises QueueUnavailable."""
    return JobQueue(connect(settings), settings)


class JobQueue:
    """The client's side of a queue. Every method raises QueueUnavailable within 3 s if Redis is away."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.ledger = Ledger(redis, settings.queue)
        self._queue = Queue(settings.queue, connection=redis, serializer="json")

    @redis_errors()
    def submit(self, spec: JobSpec, store: Store, front: bool = False) -> Submission:
        """Submit a job; the same job, submitted by any number of clients, is computed once.

        Safe to repeat after any error: an accepted job is joined. `front`: run it next. Raises StoreUnreadable.
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
        raise QueueUnavailable(
            f"job {spec.key[:12]}… ended {SUBMIT_TRIES} times while it was submitted: submit it again"
        )

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
        """Key -> state of the jobs of these keys, in one round trip; keys without a job are omitted. Raises BadLink."""
        checked = [checked_key(key) for key in keys]
        with self.redis.pipeline(transaction=False) as pipe:
            for key in checked:
                pipe.hmget(f"rq:job:{key}", _JOB_FIELDS)
                pipe.hgetall(progress_key(key))
            replies = pipe.execute(raise_on_error=False)
        states = (_job_state(key, *replies[2 * n : 2 * n + 2]) for n, key in enumerate(checked))
        return {state.key: state for state in states if state is not None}

    @redis_errors()
    def preview(self, key: str) -> bytes | None:
        """The latest preview of a running job, a WebP of at most 160 px; None if there is none. Raises BadLink."""
        return cast(bytes | None, self.redis.get(preview_key(checked_key(key))))

    @redis_errors()
    def cancel(self, key: str) -> str:
        """Cancel a queued or started job: its process is killed, and nothing is published after this.

        Returns the state before; a job that has ended stays as it is, 'none' if there is no such job. Raises BadLink.
        """
        before, worker = self.ledger.cancel(checked_key(key), ttl_s=self.settings.failure_ttl_s)
        if before == "started":
            send_command(self.redis, worker, "stop-job", job_id=key)
        return before

    @redis_errors()
    def retry(self, key: str) -> str:
        """Queue a failed or canceled job again; returns the state that it now has.

        Raises BadLink, or BadInput where its record is gone or damaged.
        """
        state = self.ledger.retry(checked_key(key))
        if state not in (*LIVE_STATES, "finished"):
            raise BadInput(f"job {key[:12]}… cannot be retried, its record is missing or damaged: submit it again")
        return state

    @redis_errors()
    def waiting(self, limit: int = MAX_ROWS) -> list[JobRow]:
        """Queued jobs, at most `limit`, the next one first."""
        ledger = self.ledger
        popped, listed = self.redis.lrange(ledger.popped_key, 0, limit), self.redis.lrange(ledger.queue_key, 0, limit)
        return self._rows(map(_text, [*reversed(popped), *listed][:limit]), "queued")

    @redis_errors()
    def running(self) -> list[JobRow]:
        """Started jobs."""
        entries = self.redis.zrange(self.ledger.leases_key, 0, -1)
        return self._rows((split_entry(entry)[0] for entry in entries), "started")

    @redis_errors()
    def failed(self, limit: int = MAX_ROWS) -> list[JobRow]:
        """Failed jobs, at most `limit`, the latest first."""
        return self._rows(map(_text, self.redis.zrevrange(self.ledger.failed_key, 0, limit - 1)), "failed")

    def _rows(self, ids: Iterable[str], state: State) -> list[JobRow]:
        """Rows of the jobs that are (still) in this state."""
        keys = list(ids)
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(f"rq:job:{key}", _JOB_FIELDS)
                pipe.hgetall(progress_key(key))
                pipe.hmget(f"rq:job:{key}", _ROW_FIELDS)
            replies = pipe.execute(raise_on_error=False)
        rows = (_job_row(key, *replies[3 * n : 3 * n + 3]) for n, key in enumerate(keys))
        return [row for row in rows if row is not None and row.job.state == state]

    @redis_errors()
    def counts(self) -> dict[str, int]:
        """State -> number of jobs; jobs that have ended are counted until their records expire."""
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
        """The active workers of this queue, in order of their names."""
        keys = sorted(map(_text, self.redis.smembers(f"rq:workers:{self.settings.queue}")))
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            replies = pipe.execute(raise_on_error=False)
        entries = zip(keys, replies, strict=True)
        return [_worker_state(key, reply) for key, reply in entries if isinstance(reply, dict) and b"pid" in reply]


def read_record(data: bytes) -> dict[str, Any]:
    """The job's document in RQ's record of a call. Raises DamagedRecord for any other call."""
    try:
        call = json.loads(zlib.decompressobj().decompress(data, MAX_DOCUMENT_BYTES))
    except (zlib.error, ValueError, RecursionError) as error:
        raise DamagedRecord(f"the job's record in Redis cannot be read ({type(error).__name__})") from None
    match call:
        case [str(function), None, [dict(document)], dict(keywords)] if function == TASK and not keywords:
            return document
        case [str(function), *_] if function != TASK:
            raise DamagedRecord(f"the job's record must name {TASK}, it names {function[:80]!r}")
    raise DamagedRecord("the job's record in Redis was not written by Gazegrid")


def _job_state(key: str, job: Any, progress: Any) -> JobState | None:
    """The state from the replies to HMGET and HGETALL; an error in place of the first is a record of the wrong type."""
    if isinstance(job, Exception):
        return JobState(key, "failed", error="the job's record in Redis is damaged: run it again", error_code="damaged")
    state, worker, attempts, code, sentence = map(_text, job)
    if state not in _STATES:
        return None
    reported: Mapping[bytes, bytes] = progress if isinstance(progress, dict) else {}
    return JobState(
        key,
        cast(State, state),
        step=_number(reported.get(b"step")),
        total=_number(reported.get(b"total")),
        scalars=_scalars(reported.get(b"scalars", b"{}")),
        curves=_curves(reported.get(b"curves", b"[]")),
        preview=_number(reported.get(b"preview")) or None,
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
    fields = {name.decode(errors="replace"): _text(value) for name, value in raw.items()}
    return WorkerState(
        name=key.removeprefix("rq:worker:"),
        state=fields.get("state", "?"),
        pid=_number(raw.get(b"pid")),
        host=fields.get("hostname", "?"),
        job=fields.get("current_job") or None,
        device=fields.get("device") or None,
        networks=tuple(filter(None, fields.get("networks", "").split("\n"))),
        started_at=fields.get("birth") or None,
        heard_at=fields.get("last_heartbeat") or None,
        finished=_number(raw.get(b"successful_job_count")),
        failed=_number(raw.get(b"failed_job_count")),
    )


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw or "")


def _number(raw: bytes | None) -> int:
    """A whole number; 0 where there is none, or something else."""
    return int(raw) if raw and raw.isdigit() else 0


def _scalars(raw: bytes) -> dict[str, float]:
    """Name -> value of the reported scalars; empty where they cannot be read: they are only shown."""
    try:
        return {str(name): float(value) for name, value in json.loads(raw).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _curves(raw: bytes) -> tuple[Series, ...]:
    """The reported curves; none where they cannot be read: they are only shown."""
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
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
