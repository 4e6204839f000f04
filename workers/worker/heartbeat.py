"""The worker's heartbeat: says that the worker is there, and holds the lease of the job that runs.

A thread of the parent with a connection of its own, so that it beats whatever the job and the main thread do.
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

SLOWEST_BEAT_S = 1.0


@dataclass
class Running:
    """The job that the worker holds. `ended_because` is set, once, by whoever ends it before its time."""

    key: str
    token: str
    started_s: float = field(default_factory=time.monotonic)
    held_s: float = field(default_factory=time.monotonic)
    """When the lease was last known to be ours."""
    ended_because: str | None = None


class Heartbeat(threading.Thread):
    """Beats until `stop`. Calls `end(running, because)` when the running job is no longer ours."""

    def __init__(self, redis: Redis, queue: str, lease_s: float, end: Callable[[Running, str], None]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.redis = redis
        self.ledger = Ledger(redis, queue)
        self.lease_s = lease_s
        self.beat_s = beat_s(lease_s)
        self.running: Running | None = None
        self.registration: Callable[[], tuple[str, dict[Any, Any]]] | None = None
        """Gives the worker's name and what its record says."""
        self._queue = queue
        self._end = end
        self._stopping = threading.Event()
        self._away = False

    def run(self) -> None:
        while not self._stopping.wait(self.beat_s):
            running = self.running
            try:
                if running is not None:
                    self._hold(running)
                self._register()
                self._noticed(away=False)
            except Exception as error:
                self._noticed(away=True, reason=str(error))
                if not isinstance(error, RedisError):  # a fault of ours; a worker without a heartbeat would be worse
                    log.exception("a heartbeat failed")
                if running is not None:
                    self._fence(running)

    def stop(self) -> None:
        """No more beats."""
        self._stopping.set()
        self.join()

    def _hold(self, running: Running) -> None:
        asked_s = time.monotonic()
        if self.ledger.renew(running.key, running.token, self.lease_s):
            running.held_s = asked_s
        else:
            self._end(running, "superseded")

    def _fence(self, running: Running) -> None:
        """End the job before its lease does: another worker may have it from then on."""
        if time.monotonic() - running.held_s > self.lease_s - self.beat_s:
            self._end(running, "fenced")

    def _register(self) -> None:
        if self.registration is None:
            return
        name, record = self.registration()
        key = f"rq:worker:{name}"
        with self.redis.pipeline() as pipe:
            pipe.hset(key, mapping=record)
            pipe.expire(key, seen_ttl_s(self.lease_s))
            pipe.sadd("rq:workers", key)
            pipe.sadd(f"rq:workers:{self._queue}", key)
            pipe.execute()

    def _noticed(self, *, away: bool, reason: str = "") -> None:
        if away != self._away:
            log.warning("Redis is away", reason=reason) if away else log.info("Redis is back")
        self._away = away


def beat_s(lease_s: float) -> float:
    """Seconds between two heartbeats."""
    return min(SLOWEST_BEAT_S, lease_s / 4)


def seen_ttl_s(lease_s: float) -> int:
    """Seconds for which a worker that is not heard of is still listed."""
    return math.ceil(lease_s) + 5
