"""How often a long computation writes its checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable

MIN_INTERVAL_S = 2.0
"""Between checkpoints; up to the maximum, writing them takes no more than a fiftieth of the time."""
MAX_TIME_SHARE = 0.02
MAX_INTERVAL_S = 60.0


class CheckpointTimer:
    """Decides when a checkpoint is due, by how long the last one took to write."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + MIN_INTERVAL_S

    def write_if_due(self, write: Callable[[], None]) -> None:
        """Call `write` where a checkpoint is due."""
        if (started_s := time.monotonic()) < self._next_s:
            return
        write()
        ended_s = time.monotonic()
        interval_s = min(max(MIN_INTERVAL_S, (ended_s - started_s) / MAX_TIME_SHARE), MAX_INTERVAL_S)
        self._next_s = ended_s + interval_s
