"""Brings back what was lost: jobs whose worker is gone, jobs that fell out of every list, records that cannot be read.

It needs no lock: each of its steps is atomic and compares first, so that several reapers, or one that is killed midway,
do no harm. It is quick (half a second a tick) where RQ's own maintenance takes minutes.

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
"""A worker takes what it popped within milliseconds; after so long, it is gone."""
SWEEP_EVERY_S = 5.0
SCAN_COUNT = 500
UNHEARD = "its worker has not been heard of"
DAMAGED = "the job's record in Redis is damaged: run it again"


class Reaper:
    """One pass over the queue is `tick`; `run` repeats it."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.ledger = Ledger(redis, settings.queue)
        self._popped_since_s: dict[str, float] = {}
        self._next_sweep_s = 0.0
        self._leases_count_from_s = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Tick until `stopping` is set, whether Redis is there or not."""
        away = False
        while not stopping.is_set():
            try:
                self.tick()
                away = False
            except RedisError as error:
                if not away:
                    log.warning("Redis is away", reason=str(error))
                away = True
                self._wait_for_workers(self.settings.lease_s)
            stopping.wait(self.settings.reaper_tick_s)

    def tick(self) -> None:
        """Bring back what is lost now. Raises redis-py's errors."""
        if self._next_sweep_s == 0.0:
            self._wait_for_workers(self.settings.lease_s - self._redis_uptime_s())
        self._recover_expired()
        self._reseat_popped()
        if time.monotonic() >= self._next_sweep_s:
            self._next_sweep_s = time.monotonic() + SWEEP_EVERY_S
            self._sweep()
            self._tidy()

    def _wait_for_workers(self, seconds: float) -> None:
        """Leases ran on while Redis was away: let the workers renew theirs before any is taken for dead."""
        self._leases_count_from_s = max(self._leases_count_from_s, time.monotonic() + seconds)

    def _redis_uptime_s(self) -> float:
        server: Any = self.redis.info("server")
        return float(server["uptime_in_seconds"])

    def _recover_expired(self) -> None:
        """Jobs whose lease has run out."""
        if time.monotonic() < self._leases_count_from_s:
            return
        for key, token in self.ledger.expired():
            self._recover(key, token)

    def _recover(self, key: str, token: str) -> None:
        attempts, ttl_s = self.settings.max_attempts, self.settings.failure_ttl_s
        state = self.ledger.recover(key, token, sentence=UNHEARD, max_attempts=attempts, ttl_s=ttl_s)
        if state != "none":
            log.warning("recovered a job whose worker is gone", job=key, now=state)

    def _reseat_popped(self) -> None:
        """Jobs that were popped by a worker that died before it took them."""
        now_s = time.monotonic()
        popped = self._ids(self.ledger.popped_key)
        self._popped_since_s = {key: self._popped_since_s.get(key, now_s) for key in popped}
        for key, since_s in self._popped_since_s.items():
            if now_s - since_s > POPPED_GRACE_S and self.ledger.reseat(key):
                log.warning("recovered a job that was popped and not taken", job=key)

    def _sweep(self) -> None:
        """Records that say queued or started and are in no list, and records that nobody can read."""
        listed = {*self._ids(self.ledger.queue_key), *self._ids(self.ledger.popped_key)}
        leased = {split_entry(entry) for entry in self.redis.zrange(self.ledger.leases_key, 0, -1)}
        for key, status, token in self._records():
            if status not in LIVE_STATES + DEAD_STATES or (status == "started" and not token):
                log.warning("a job's record was set aside", job=key, found=status or "no state")
                self.ledger.quarantine(key, DAMAGED, ttl_s=self.settings.failure_ttl_s)
            elif status == "queued" and key not in listed and self.ledger.relist(key):
                log.warning("recovered a job that was in no list", job=key)
            elif status == "started" and (key, token) not in leased:
                self._recover(key, token)

    def _records(self) -> Iterator[tuple[str, str, str]]:
        """(key, status, token) of this queue's jobs; for one that is no record, status says what it is."""
        cursor = 0
        while True:
            cursor, names = self._scan(cursor)
            keys = [name.decode(errors="replace").removeprefix("rq:job:") for name in names]
            with self.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(name, "status", "execution", "origin")
                answers = pipe.execute(raise_on_error=False)
            for key, answer in zip(keys, answers, strict=True):
                if isinstance(answer, Exception):
                    yield key, "wrong type", ""
                elif answer[2] in (None, self.settings.queue.encode()):
                    yield key, _text(answer[0]), _text(answer[1])
            if cursor == 0:
                return

    def _scan(self, cursor: int) -> tuple[int, list[bytes]]:
        found: Any = self.redis.scan(cursor, match="rq:job:*", count=SCAN_COUNT)
        return int(found[0]), list(found[1])

    def _ids(self, name: str) -> list[str]:
        return [_text(raw) for raw in self.redis.lrange(name, 0, -1)]

    def _tidy(self) -> None:
        """Forget jobs that have expired, and workers that are no longer heard of."""
        ledger = self.ledger
        seconds: Any = self.redis.time()
        for registry in (ledger.finished_key, ledger.failed_key, ledger.canceled_key):
            self.redis.zremrangebyscore(registry, 0, seconds[0])
        for everyone in ("rq:workers", f"rq:workers:{self.settings.queue}"):
            for worker in self.redis.smembers(everyone):
                if not self.redis.exists(worker):
                    self.redis.srem(everyone, worker)


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if raw else ""


def main() -> int:
    """A reaper of this process' settings, until it is told to stop."""
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
