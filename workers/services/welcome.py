"""Submits the welcome comparison: in `gazegrid up`, or as `python -m workers.services.welcome` under compose."""

from __future__ import annotations

import structlog

from core.errors import GazegridError
from core.presets import welcome_comparison
from core.queue.grid import submit_grid
from core.queue.queue import open_queue
from core.settings import Settings, get_settings
from core.store.store import open_store
from workers.worker.logs import configure_logs

log = structlog.get_logger()


def submit_welcome(settings: Settings) -> str | None:
    """Submit the welcome comparison; its key, or None and a warning in the log if that fails."""
    try:
        store = open_store(settings)
        comparison = welcome_comparison(store)
        submit_grid(comparison, store, open_queue(settings))
    except GazegridError as error:
        log.warning("the welcome comparison could not be submitted", reason=str(error))
        return None
    return comparison.key


if __name__ == "__main__":
    configure_logs(get_settings().log_level)
    raise SystemExit(0 if not get_settings().welcome or submit_welcome(get_settings()) else 1)
