"""How often a long computation keeps how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 2.0
"""At the least; between this and the most, no more than a fiftieth of the time goes into checkpoints."""
SHARE = 0.02
AT_MOST_S = 60.0


class Pace:
    """Says when a checkpoint is due, by what the last one took."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + EVERY_S

    def keep(self, write: Callable[[], None]) -> None:
        """Call `write` where it is time for it."""
        if (started_s := time.monotonic()) < self._next_s:
            return
        write()
        ended_s = time.monotonic()
        self._next_s = ended_s + min(max(EVERY_S, (ended_s - started_s) / SHARE), AT_MOST_S)
