"""Recovers lost jobs: those of dead workers, those that are in no list, those whose record cannot be read.

It needs no lock: each step is an atomic compare-and-set, so several reapers, or one that is killed midway, do no harm.
A pass takes place twice a second, where RQ's own maintenance takes minutes.

    python -m workers.services.reaper
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from core.queue.connection import connect
from core.queue.ledger import DEAD_STATES, LIVE_STATES, Ledger, split_entry
from core.settings import Settings, get_settings
from workers.services.evictor import evicting
from workers.worker.logs import configure_logs

log = structlog.get_logger()

POPPED_GRACE_S = 1.0
"""A worker takes a popped job within milliseconds; after this time it is dead."""
SWEEP_EVERY_S = 5.0
SCAN_COUNT = 500
HEARTBEAT_LOST = "its worker stopped sending heartbeats"
DAMAGED_RECORD = "the job's record in Redis is damaged: run it again"


class Reaper:
    """Recovers lost jobs of one queue: `tick` is one pass, `run` repeats it."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.ledger = Ledger(redis, settings.queue)
        self._popped_since_s: dict[str, float] = {}
        self._next_sweep_s = 0.0
        self._leases_count_from_s = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Tick until `stopping` is set, whether Redis can be reached or not."""
        unreachable = False
        while not stopping.is_set():
            try:
                self.tick()
                unreachable = False
            except RedisError as error:
                if not unreachable:
                    log.warning("Redis cannot be reached", reason=str(error))
                unreachable = True
                self._wait_for_workers(self.settings.lease_s)
            stopping.wait(self.settings.reaper_tick_s)

    def tick(self) -> None:
        """Recover the jobs that are lost now. Raises RedisError."""
        if self._next_sweep_s == 0.0:
            self._wait_for_workers(self.settings.lease_s - self._redis_uptime_s())
        self._recover_expired()
        self._reseat_popped()
        if time.monotonic() >= self._next_sweep_s:
            self._next_sweep_s = time.monotonic() + SWEEP_EVERY_S
            self._sweep()
            self._tidy()

    def _wait_for_workers(self, seconds: float) -> None:
        """Leases expired while Redis was unreachable: let workers renew theirs before any counts as dead."""
        self._leases_count_from_s = max(self._leases_count_from_s, time.monotonic() + seconds)

    def _redis_uptime_s(self) -> float:
        server: Any = self.redis.info("server")
        return float(server["uptime_in_seconds"])

    def _recover_expired(self) -> None:
        """Recover jobs whose lease has expired."""
        if time.monotonic() < self._leases_count_from_s:
            return
        for key, token in self.ledger.expired():
            self._recover(key, token)

    def _recover(self, key: str, token: str) -> None:
        attempts, ttl_s = self.settings.max_attempts, self.settings.failure_ttl_s
        state = self.ledger.recover(key, token, sentence=HEARTBEAT_LOST, max_attempts=attempts, ttl_s=ttl_s)
        if state != "none":
            log.warning("recovered a job of a dead worker", job=key, now=state)

    def _reseat_popped(self) -> None:
        """Recover jobs that a worker popped and, since it died, did not take."""
        now_s = time.monotonic()
        popped = self._ids(self.ledger.popped_key)
        self._popped_since_s = {key: self._popped_since_s.get(key, now_s) for key in popped}
        for key, since_s in self._popped_since_s.items():
            if now_s - since_s > POPPED_GRACE_S and self.ledger.reseat(key):
                log.warning("recovered a job that was popped but not taken", job=key)

    def _sweep(self) -> None:
        """Recover jobs whose record is queued or started but in no list; quarantine records that cannot be read."""
        listed = {*self._ids(self.ledger.queue_key), *self._ids(self.ledger.popped_key)}
        leased = {split_entry(entry) for entry in self.redis.zrange(self.ledger.leases_key, 0, -1)}
        for key, status, token in self._records():
            if status not in LIVE_STATES + DEAD_STATES or (status == "started" and not token):
                log.warning("quarantined a job's record", job=key, status=status or "no state")
                self.ledger.quarantine(key, DAMAGED_RECORD, ttl_s=self.settings.failure_ttl_s)
            elif status == "queued" and key not in listed and self.ledger.relist(key):
                log.warning("recovered a job that was in no list", job=key)
            elif status == "started" and (key, token) not in leased:
                self._recover(key, token)

    def _records(self) -> Iterator[tuple[str, str, str]]:
        """(key, status, token) of this queue's jobs; status `wrong type` for a key that is no record."""
        cursor = 0
        while True:
            cursor, names = self._scan(cursor)
            keys = [name.decode(errors="replace").removeprefix("rq:job:") for name in names]
            with self.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(name, "status", "execution", "origin")
                replies = pipe.execute(raise_on_error=False)
            for key, reply in zip(keys, replies, strict=True):
                if isinstance(reply, Exception):
                    yield key, "wrong type", ""
                elif reply[2] in (None, self.settings.queue.encode()):
                    yield key, _text(reply[0]), _text(reply[1])
            if cursor == 0:
                return

    def _scan(self, cursor: int) -> tuple[int, list[bytes]]:
        reply: Any = self.redis.scan(cursor, match="rq:job:*", count=SCAN_COUNT)
        return int(reply[0]), list(reply[1])

    def _ids(self, name: str) -> list[str]:
        return [_text(raw) for raw in self.redis.lrange(name, 0, -1)]

    def _tidy(self) -> None:
        """Remove expired jobs from the registries, and dead workers from the lists of workers."""
        ledger = self.ledger
        seconds: Any = self.redis.time()
        for registry in (ledger.finished_key, ledger.failed_key, ledger.canceled_key):
            self.redis.zremrangebyscore(registry, 0, seconds[0])
        for workers in ("rq:workers", f"rq:workers:{self.settings.queue}"):
            for worker in self.redis.smembers(workers):
                if not self.redis.exists(worker):
                    self.redis.srem(workers, worker)


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if raw else ""


def main() -> int:
    """Run a reaper with this process's settings until SIGTERM or SIGINT."""
    settings = get_settings()
    configure_logs(settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with evicting(settings):
        Reaper(connect(settings), settings).run(stopping)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
