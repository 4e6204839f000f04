"""Keeps the store under its size limit, in a thread of the process that runs the reaper."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from core.errors import GazegridError
from core.settings import Settings
from core.store.gallery import evict
from core.store.store import Store

log = structlog.get_logger()

EVERY_S = 60.0
GB = 10**9


@contextmanager
def evicting(settings: Settings, every_s: float = EVERY_S) -> Iterator[None]:
    """Evict results beyond `store_limit_gb` while the block lasts: oldest first, never one that a gallery refers to."""
    if settings.store_limit_gb is None:
        yield
        return
    stopping = threading.Event()
    evictor = threading.Thread(target=_run, args=(settings, settings.store_limit_gb, every_s, stopping), daemon=True)
    evictor.start()
    try:
        yield
    finally:
        stopping.set()
        evictor.join(timeout=5)


def _run(settings: Settings, limit_gb: float, every_s: float, stopping: threading.Event) -> None:
    fault = ""
    while not stopping.is_set():
        try:
            if evicted := evict(Store(settings.store_place), int(limit_gb * GB)):
                log.info("evicted the oldest results", count=len(evicted), limit_gb=limit_gb)
            fault = ""
        except GazegridError as error:
            if str(error) != fault:
                log.warning("eviction failed", reason=str(error))
            fault = str(error)
        stopping.wait(every_s)
