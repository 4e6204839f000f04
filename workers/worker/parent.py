"""The worker: takes jobs from the queue, one at a time, and has them computed by a child process that stays warm.

The parent is RQ's worker and never loads torch: it takes jobs, renews leases and settles jobs; the horse computes. A
result is published in the store first, then Redis is updated; Redis may be unreachable meanwhile.

    python -m workers.worker.parent
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any
from uuid import uuid4

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.command import handle_shutdown_command, parse_payload
from rq.utils import now, utcformat
from rq.worker import WorkerStatus

from core.errors import GazegridError
from core.queue.connection import connect, connect_patiently
from core.queue.ledger import Ledger, Taken
from core.queue.queue import DamagedRecord, read_record
from core.settings import Settings, get_settings
from workers.worker.child import POLL_S, Horse, HorseDied, Outcome
from workers.worker.heartbeat import Heartbeat, Running, beat_s, worker_ttl_s
from workers.worker.logs import configure_logs

log = structlog.get_logger()

RUNNER = "workers.worker.task.SpecRunner"
GRACE_S = 10.0
"""Time that a running job has after SIGTERM; then it is requeued. A second signal requeues it at once."""
SAME_SIGNAL_S = 1.0
"""A repeated signal within this time counts as one."""
STOP_WITHOUT_REDIS_S = 3.0
"""Time after which a stopping worker no longer waits for Redis."""
DEQUEUE_TIMEOUT_S = 1
HORSE_PAUSE_S = 5.0
"""Pause between two starts of a horse that dies before it is ready."""


class WarmWorker(Worker):
    """RQ's worker with one persistent, replaceable horse, leases, and atomic settling of jobs."""

    def __init__(self, settings: Settings, *, runner: str = RUNNER, grace_s: float = GRACE_S) -> None:
        """`runner`: dotted path of the class that the horse runs; nothing in Redis can change it."""
        self.settings = settings
        self.grace_s = grace_s
        self._runner = runner
        self._stop_requested_s: float | None = None
        self._stop_by_s = float("inf")
        redis = connect_patiently(settings, self._gave_up_on_redis)
        queue = Queue(settings.queue, connection=redis, serializer="json")
        super().__init__([queue], name=worker_name(), connection=redis, serializer="json", log_job_description=False)
        self.ledger = Ledger(redis, settings.queue)
        self.horse: Horse | None = None
        self._next_horse_s = 0.0
        self._networks: tuple[str, ...] = ()
        self._running_lock = threading.Lock()
        heartbeat_redis = connect(settings, max(0.2, beat_s(settings.lease_s)))
        self.heartbeats = Heartbeat(heartbeat_redis, settings.queue, settings.lease_s, self._end_running)
        self.heartbeats.registration = self._registration

    # called by RQ's work()

    def bootstrap(self, *arguments: Any, **options: Any) -> None:
        super().bootstrap(*arguments, **options)
        self.heartbeats.start()
        log.info("worker started", worker=self.name, queue=self.settings.queue)

    def teardown(self) -> None:
        self._close_horse()
        self.heartbeats.stop()
        super().teardown()  # type: ignore[no-untyped-call]
        log.info("worker stopped", worker=self.name, finished=self.successful_job_count, failed=self.failed_job_count)

    @property
    def should_run_maintenance_tasks(self) -> bool:
        """Never: the reaper recovers jobs within seconds, and without a lock that a killed worker would hold."""
        return False

    @property
    def dequeue_timeout(self) -> int:
        return DEQUEUE_TIMEOUT_S

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:  # noqa: ARG002  the lease decides
        super().heartbeat(worker_ttl_s(self.settings.lease_s), pipeline)

    def dequeue_job_and_maintain_ttl(  # type: ignore[override]  # takes the job, where RQ only reads it
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Taken, Queue] | None:
        """The next job, leased; None when stopping, or without a job if `timeout` is None (burst mode)."""
        idle_since_s = time.monotonic()
        self._state = WorkerStatus.IDLE
        while not self._stop_requested:
            if not self._horse_is_ready():
                continue
            taken = self._take_next(timeout)
            if taken is not None:
                return taken, self.queues[0]
            if timeout is None and not self._waiting():
                return None
            if max_idle_time is not None and time.monotonic() - idle_since_s > max_idle_time:
                return None
        return None

    def execute_job(self, job: Taken, queue: Queue) -> None:  # type: ignore[override]  # noqa: ARG002  a worker has one queue
        """Have the job computed by the horse, and settle it."""
        self._state = WorkerStatus.BUSY
        try:
            document = read_record(job.data)
        except DamagedRecord as error:
            log.warning("quarantined a job's record", job=job.key, reason=str(error))
            self.ledger.quarantine(job.key, str(error), ttl_s=self.settings.failure_ttl_s, token=job.token)
            return
        running = Running(job.key, job.token)
        self.heartbeats.running = running
        try:
            outcome = self._compute(running, document)
        except HorseDied as death:
            self._clear_running(running)
            self._settle_death(running, str(death))
        else:
            self._clear_running(running)
            self._settle(running, outcome)

    # taking jobs

    def _take_next(self, timeout: int | None) -> Taken | None:
        source, popped = self.ledger.queue_key, self.ledger.popped_key
        raw: Any = self.connection.blmove(source, popped, timeout) if timeout else self.connection.lmove(source, popped)
        if raw is None:
            return None
        key = raw.decode(errors="replace")
        if key.encode() != raw:
            self.connection.lrem(popped, 0, raw)
            return None
        taken = self.ledger.take(key, uuid4().hex, lease_s=self.settings.lease_s, worker=self.name)
        if isinstance(taken, Taken):
            return taken
        if taken not in ("none", "queued", "started", "finished", "failed", "canceled"):
            reason = "the job's record in Redis is damaged: run it again"
            self.ledger.quarantine(key, reason, ttl_s=self.settings.failure_ttl_s)
        return None

    def _waiting(self) -> bool:
        return bool(self.connection.llen(self.ledger.queue_key))

    # computing jobs

    def _horse_is_ready(self) -> bool:
        """Start a horse if there is none; whether it can take a job now. Only then is a job taken from the queue."""
        if self.horse is not None and not self.horse.alive:
            self._close_horse()
        if self.horse is None:
            if time.monotonic() < self._next_horse_s:
                time.sleep(POLL_S / 5)
                return False
            self._next_horse_s = time.monotonic() + HORSE_PAUSE_S
            self.horse = Horse(self.settings, self._runner)
        try:
            ready = self.horse.wait_until_ready(POLL_S)
        except HorseDied as death:
            log.warning("the child process does not start", reason=str(death))
            return False
        if ready:
            self._next_horse_s = 0.0
        return ready

    def _compute(self, running: Running, document: Mapping[str, Any]) -> Outcome:
        horse = self.horse
        if horse is None:
            raise HorseDied("its process did not run")
        horse.send(running.key, running.token, document)
        while (outcome := horse.outcome(POLL_S)) is None:
            if time.monotonic() > self._stop_by_s:
                self._end_running(running, "shutdown")
            elif time.monotonic() - running.started_s > self.settings.job_timeout_s:
                self._end_running(running, "timeout")
        return outcome

    def _end_running(self, running: Running, reason: str) -> None:
        """Kill the job, unless it has just ended by itself. Called from any thread."""
        with self._running_lock:
            if self.heartbeats.running is not running or running.end_reason or self.horse is None:
                return
            running.end_reason = reason
            self.horse.kill()

    def _clear_running(self, running: Running) -> None:
        with self._running_lock:
            self.heartbeats.running = None
        log.debug("job ended", job=running.key, end_reason=running.end_reason)

    # settling jobs: each step has no effect if the lease is lost

    def _settle(self, running: Running, outcome: Outcome) -> None:
        self._networks = outcome.networks
        if outcome.state == "finished":
            self.successful_job_count += self.ledger.finish(running.key, running.token)
        elif outcome.state == "failed":
            self._fail(running, outcome.code, outcome.sentence, outcome.trace)
        if outcome.spoiled or running.end_reason:  # the latter: killed just after its outcome
            reason = running.end_reason or outcome.sentence
            log.warning("replacing the child process", job=running.key, reason=reason)
            self._close_horse()

    def _settle_death(self, running: Running, reason: str) -> None:
        cause = running.end_reason
        log.warning("the child process died", job=running.key, reason=cause or reason)
        self._close_horse()
        if cause in ("fenced", "shutdown"):
            self.ledger.release(running.key, running.token)
        elif cause == "canceled":
            self.ledger.cancel(running.key, ttl_s=self.settings.failure_ttl_s, token=running.token)
        elif cause == "timeout":
            limit = f"the job exceeded the time limit of {self.settings.job_timeout_s} s"
            self._fail(running, "computation_failed", limit)
        elif cause is None:
            self.failed_job_count += 1
            attempts, ttl_s = self.settings.max_attempts, self.settings.failure_ttl_s
            self.ledger.lose(running.key, running.token, sentence=reason, max_attempts=attempts, ttl_s=ttl_s)

    def _fail(self, running: Running, code: str, sentence: str, trace: str = "") -> None:
        self.failed_job_count += 1
        ttl_s = self.settings.failure_ttl_s
        self.ledger.fail(running.key, running.token, code=code, sentence=sentence, trace=trace, ttl_s=ttl_s)

    def _close_horse(self) -> None:
        with self._running_lock:
            horse, self.horse, self._networks = self.horse, None, ()
        if horse is not None:
            horse.close()

    # signals and commands

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  a signal handler's arguments
        """Let the running job finish within the grace period; a second signal requeues it now."""
        signalled_s = time.monotonic()
        if self._stop_requested_s is None:
            self._stop_by_s = signalled_s + self.grace_s
        elif signalled_s - self._stop_requested_s > SAME_SIGNAL_S:
            self._stop_by_s = signalled_s
        else:
            return
        self._stop_requested_s = signalled_s
        self._stop_requested = True

    def _gave_up_on_redis(self) -> bool:
        requested_s = self._stop_requested_s
        return requested_s is not None and time.monotonic() - requested_s > STOP_WITHOUT_REDIS_S

    def handle_payload(self, message: Mapping[str, Any]) -> None:
        """Obey a command from RQ's channel; called in a thread of RQ."""
        try:
            payload = parse_payload(dict(message))
            command, job_id = payload["command"], payload.get("job_id")
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("ignored an unreadable command", worker=self.name)
            return
        running = self.heartbeats.running
        if command == "stop-job" and running is not None and running.key == job_id:
            self._end_running(running, "canceled")
        elif command == "kill-horse" and self.horse is not None:
            self.horse.kill()
        elif command == "shutdown":
            handle_shutdown_command(self)

    # this worker's record in Redis

    def _registration(self) -> tuple[str, dict[Any, Any]]:
        horse, running = self.horse, self.heartbeats.running
        self.last_heartbeat = now()
        return self.name, self.serialize() | {
            "last_heartbeat": utcformat(self.last_heartbeat),
            "state": str(WorkerStatus(self._state).value),
            "current_job": running.key if running else "",
            "device": (horse and horse.device) or "",
            "horse": horse.pid if horse else 0,
            "networks": "\n".join(self._networks),
            "successful_job_count": self.successful_job_count,
            "failed_job_count": self.failed_job_count,
        }


def worker_name() -> str:
    """A unique name: host, process id, random digits."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def wait_for_redis(settings: Settings, redis: Redis) -> None:
    """Log a warning if Redis cannot be reached; the worker itself waits for it."""
    try:
        redis.ping()
    except RedisError as error:
        log.warning("waiting for Redis", reason=str(error), queue=settings.queue)


def main() -> int:
    """Run a worker with this process's settings until SIGTERM; the exit status."""
    settings = get_settings()
    configure_logs(settings.log_level)
    try:
        wait_for_redis(settings, connect(settings))
        WarmWorker(settings).work(logging_level="WARNING")
    except (RedisError, GazegridError) as error:
        log.error("worker ended", reason=str(error))  # noqa: TRY400  a sentence, not a trace
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
