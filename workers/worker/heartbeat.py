"""The worker's heartbeat: registers the worker, and renews the lease of its running job.

It is a thread of the parent with its own connection, independent of the job and the main thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from core.queue.ledger import Ledger

log = structlog.get_logger()

MAX_BEAT_S = 1.0


@dataclass
class Running:
    """The worker's job. `end_reason` is set once, by whatever ends the job early."""

    key: str
    token: str
    started_s: float = field(default_factory=time.monotonic)
    held_s: float = field(default_factory=time.monotonic)
    """Time of the last confirmed lease"""
    end_reason: str | None = None


class Heartbeat(threading.Thread):
    """Beats until `stop`. Calls `end(running, reason)` if the lease of the running job is lost."""

    def __init__(self, redis: Redis, queue: str, lease_s: float, end: Callable[[Running, str], None]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.redis = redis
        self.ledger = Ledger(redis, queue)
        self.lease_s = lease_s
        self.beat_s = beat_s(lease_s)
        self.running: Running | None = None
        self.registration: Callable[[], tuple[str, dict[Any, Any]]] | None = None
        """Returns the worker's name and its record in Redis."""
        self._queue = queue
        self._end = end
        self._stopping = threading.Event()
        self._unreachable = False

    def run(self) -> None:
        while not self._stopping.wait(self.beat_s):
            running = self.running
            try:
                if running is not None:
                    self._hold(running)
                self._register()
                self._log_redis(unreachable=False)
            except Exception as error:
                self._log_redis(unreachable=True, reason=str(error))
                if not isinstance(error, RedisError):  # a bug; but a worker without a heartbeat is worse
                    log.exception("a heartbeat failed")
                if running is not None:
                    self._fence(running)

    def stop(self) -> None:
        """Stop beating, and wait for the thread."""
        self._stopping.set()
        self.join()

    def _hold(self, running: Running) -> None:
        renewed_s = time.monotonic()
        if self.ledger.renew(running.key, running.token, self.lease_s):
            running.held_s = renewed_s
        else:
            self._end(running, "superseded")

    def _fence(self, running: Running) -> None:
        """End the job before its lease expires: another worker may take it from then on."""
        if time.monotonic() - running.held_s > self.lease_s - self.beat_s:
            self._end(running, "fenced")

    def _register(self) -> None:
        if self.registration is None:
            return
        name, record = self.registration()
        key = f"rq:worker:{name}"
        with self.redis.pipeline() as pipe:
            pipe.hset(key, mapping=record)
            pipe.expire(key, worker_ttl_s(self.lease_s))
            pipe.sadd("rq:workers", key)
            pipe.sadd(f"rq:workers:{self._queue}", key)
            pipe.execute()

    def _log_redis(self, *, unreachable: bool, reason: str = "") -> None:
        """Log a change of Redis' availability."""
        if unreachable != self._unreachable:
            log.warning("Redis cannot be reached", reason=reason) if unreachable else log.info("Redis is back")
        self._unreachable = unreachable


def beat_s(lease_s: float) -> float:
    """Seconds between two heartbeats."""
    return min(MAX_BEAT_S, lease_s / 4)


def worker_ttl_s(lease_s: float) -> int:
    """Seconds for which a worker without heartbeat stays listed."""
    return math.ceil(lease_s) + 5
