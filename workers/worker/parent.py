"""The worker: takes one job after the other from the queue and has it computed by a process that stays warm.

The parent is RQ's worker and never loads torch. It pops, leases, watches and settles; the horse computes. A result goes
to the store first, then Redis hears of it, however long that takes; Redis may come and go meanwhile.

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
from workers.worker.heartbeat import Heartbeat, Running, beat_s, seen_ttl_s
from workers.worker.logs import configure_logs

log = structlog.get_logger()

RUNNER = "workers.worker.task.SpecRunner"
GRACE_S = 10.0
"""After SIGTERM, a running job has so long to end; then it is given back to the queue. A second signal is final."""
SAME_SIGNAL_S = 1.0
LAST_WORDS_S = 3.0
"""For so long a worker that is told to stop still waits for a Redis that is away."""
DEQUEUE_TIMEOUT_S = 1
HORSE_PAUSE_S = 5.0
"""Between two starts of a horse that dies before it is ready."""


class WarmWorker(Worker):
    """RQ's worker with one persistent, replaceable horse, leases, and an exact way to settle a job."""

    def __init__(self, settings: Settings, *, runner: str = RUNNER, grace_s: float = GRACE_S) -> None:
        """`runner` is the dotted path of the class that the horse runs; nothing in Redis can change it."""
        self.settings = settings
        self.grace_s = grace_s
        self._runner = runner
        self._stop_asked_s: float | None = None
        self._stop_by_s = float("inf")
        redis = connect_patiently(settings, self._without_hope)
        queue = Queue(settings.queue, connection=redis, serializer="json")
        super().__init__([queue], name=worker_name(), connection=redis, serializer="json", log_job_description=False)
        self.ledger = Ledger(redis, settings.queue)
        self.horse: Horse | None = None
        self._horse_wanted_s = 0.0
        self._networks: tuple[str, ...] = ()
        self._running_lock = threading.Lock()
        beats = connect(settings, max(0.2, beat_s(settings.lease_s)))
        self.heartbeats = Heartbeat(beats, settings.queue, settings.lease_s, self._end_running)
        self.heartbeats.registration = self._registration

    # RQ's loop: work() calls these

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
        """Never: the reaper does it, within seconds and without a lock that a killed worker would keep."""
        return False

    @property
    def dequeue_timeout(self) -> int:
        return DEQUEUE_TIMEOUT_S

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:  # noqa: ARG002  ours is shorter
        super().heartbeat(seen_ttl_s(self.settings.lease_s), pipeline)

    def dequeue_job_and_maintain_ttl(  # type: ignore[override]  # we take the job where RQ would only read it
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Taken, Queue] | None:
        """The next job, leased; None when told to stop, or when there is none and `timeout` is None (burst)."""
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

    def execute_job(self, job: Taken, queue: Queue) -> None:  # type: ignore[override]  # noqa: ARG002  there is one
        """Have the job computed, and settle it."""
        self._state = WorkerStatus.BUSY
        try:
            document = read_record(job.data)
        except DamagedRecord as error:
            log.warning("a job's record was set aside", job=job.key, reason=str(error))
            self.ledger.quarantine(job.key, str(error), ttl_s=self.settings.failure_ttl_s, token=job.token)
            return
        running = Running(job.key, job.token)
        self.heartbeats.running = running
        try:
            outcome = self._compute(running, document)
        except HorseDied as death:
            self._let_go(running)
            self._settle_death(running, str(death))
        else:
            self._let_go(running)
            self._settle(running, outcome)

    # taking

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

    # computing

    def _horse_is_ready(self) -> bool:
        """Have a horse; whether it can take a job now. A job is only taken by a worker that can begin with it."""
        if self.horse is not None and not self.horse.alive:
            self._close_horse()
        if self.horse is None:
            if time.monotonic() < self._horse_wanted_s:
                time.sleep(POLL_S / 5)
                return False
            self._horse_wanted_s = time.monotonic() + HORSE_PAUSE_S
            self.horse = Horse(self.settings, self._runner)
        try:
            ready = self.horse.wait_until_ready(POLL_S)
        except HorseDied as death:
            log.warning("the process that computes does not start", reason=str(death))
            return False
        if ready:
            self._horse_wanted_s = 0.0
        return ready

    def _compute(self, running: Running, document: Mapping[str, Any]) -> Outcome:
        horse = self.horse
        if horse is None:
            raise HorseDied("its process was not there")
        horse.send(running.key, running.token, document)
        while (outcome := horse.outcome(POLL_S)) is None:
            if time.monotonic() > self._stop_by_s:
                self._end_running(running, "shutdown")
            elif time.monotonic() - running.started_s > self.settings.job_timeout_s:
                self._end_running(running, "timeout")
        return outcome

    def _end_running(self, running: Running, because: str) -> None:
        """End the job before its time, unless it has just ended by itself. Called from any thread."""
        with self._running_lock:
            if self.heartbeats.running is not running or running.ended_because or self.horse is None:
                return
            running.ended_because = because
            self.horse.kill()

    def _let_go(self, running: Running) -> None:
        with self._running_lock:
            self.heartbeats.running = None
        log.debug("job ended", job=running.key, ended_because=running.ended_because)

    # settling: each step does nothing where the job is no longer ours

    def _settle(self, running: Running, outcome: Outcome) -> None:
        self._networks = outcome.networks
        if outcome.state == "finished":
            self.successful_job_count += self.ledger.finish(running.key, running.token)
        elif outcome.state == "failed":
            self._fail(running, outcome.code, outcome.sentence, outcome.trace)
        if outcome.spoiled or running.ended_because:  # the latter: it was killed just after it had its outcome
            reason = running.ended_because or outcome.sentence
            log.warning("the process that computes is replaced", job=running.key, reason=reason)
            self._close_horse()

    def _settle_death(self, running: Running, how: str) -> None:
        because = running.ended_because
        log.warning("the process that computes is gone", job=running.key, because=because or how)
        self._close_horse()
        if because in ("fenced", "shutdown"):
            self.ledger.release(running.key, running.token)
        elif because == "canceled":
            self.ledger.cancel(running.key, ttl_s=self.settings.failure_ttl_s, token=running.token)
        elif because == "timeout":
            limit = f"the job ran longer than {self.settings.job_timeout_s} s, the longest that is allowed"
            self._fail(running, "computation_failed", limit)
        elif because is None:
            self.failed_job_count += 1
            attempts, ttl_s = self.settings.max_attempts, self.settings.failure_ttl_s
            self.ledger.lose(running.key, running.token, sentence=how, max_attempts=attempts, ttl_s=ttl_s)

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
        """First signal: the running job has its grace. A later one: give the job back now."""
        signalled_s = time.monotonic()
        if self._stop_asked_s is None:
            self._stop_by_s = signalled_s + self.grace_s
        elif signalled_s - self._stop_asked_s > SAME_SIGNAL_S:
            self._stop_by_s = signalled_s
        else:
            return
        self._stop_asked_s = signalled_s
        self._stop_requested = True

    def _without_hope(self) -> bool:
        asked_s = self._stop_asked_s
        return asked_s is not None and time.monotonic() - asked_s > LAST_WORDS_S

    def handle_payload(self, message: Mapping[str, Any]) -> None:
        """A command from RQ's channel; called in a thread of RQ's."""
        try:
            payload = parse_payload(dict(message))
            command, job_id = payload["command"], payload.get("job_id")
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("a command that cannot be read was ignored", worker=self.name)
            return
        running = self.heartbeats.running
        if command == "stop-job" and running is not None and running.key == job_id:
            self._end_running(running, "canceled")
        elif command == "kill-horse" and self.horse is not None:
            self.horse.kill()
        elif command == "shutdown":
            handle_shutdown_command(self)

    # what others see of this worker

    def _registration(self) -> tuple[str, dict[Any, Any]]:
        horse, running = self.horse, self.heartbeats.running
        self.last_heartbeat = now()
        return self.name, self.serialize() | {
            "last_heartbeat": utcformat(self.last_heartbeat),
            "state": str(WorkerStatus(self._state).value),
            "current_job": running.key if running else "",
            "device": (horse and horse.device) or "",
            "horse": horse.pid if horse else 0,
            "networks": " ".join(self._networks),
            "successful_job_count": self.successful_job_count,
            "failed_job_count": self.failed_job_count,
        }


def worker_name() -> str:
    """A name that no other worker has, now or after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def wait_for_redis(settings: Settings, redis: Redis) -> None:
    """Say that Redis is away, if it is; the worker itself then waits for it."""
    try:
        redis.ping()
    except RedisError as error:
        log.warning("waiting for Redis", reason=str(error), queue=settings.queue)


def main() -> int:
    """One worker of this process' settings, until it is told to stop."""
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
