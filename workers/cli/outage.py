"""What a command does while Redis is away: the workers go on, and it waits for its jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from core.errors import QueueUnavailable
from core.jobs.spec import JobSpec
from core.queue.queue import JobQueue, JobState
from core.store.store import Store
from workers.cli.console import print_message, show_progress

MAX_OUTAGE_S = 600.0
"""Time for which a command waits for Redis."""
POLL_S = 1.0


class Outage:
    """Tells once that Redis is away and once that it is back, and gives up after `MAX_OUTAGE_S`.

    `later`: how the results are had without this command, as a part of a sentence.
    """

    def __init__(self, later: str) -> None:
        self.later = later
        self._since: float | None = None

    def wait(self, fault: str) -> None:
        """Wait a moment, since Redis is away for the reason `fault`. Raises QueueUnavailable after `MAX_OUTAGE_S`."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            show_progress("")
            print_message(f"{fault}; the job goes on, and this command waits until Redis is back")
        if now - self._since > MAX_OUTAGE_S:
            raise QueueUnavailable(
                f"Redis has been away for {MAX_OUTAGE_S:.0f} s, and this command no longer waits: {self.later}"
            )
        time.sleep(POLL_S)

    def is_over(self) -> bool:
        """Whether Redis has just come back."""
        if self._since is None:
            return False
        self._since = None
        print_message("Redis is back")
        return True

    def states(self, queue: JobQueue, keys: Iterable[str]) -> dict[str, JobState]:
        """The states of these jobs, once Redis replies. Raises QueueUnavailable after `MAX_OUTAGE_S`."""
        asked = list(keys)
        while True:
            try:
                return queue.states(asked)
            except QueueUnavailable as error:
                self.wait(str(error))

    def submit_all(self, queue: JobQueue, specs: Sequence[JobSpec], store: Store) -> None:
        """Submit jobs; where Redis is away from the start, this is said at once. Raises QueueUnavailable."""
        for spec in specs[:1]:
            queue.submit(spec, store)
        self.submit(queue, specs[1:], store)

    def submit(self, queue: JobQueue, specs: Iterable[JobSpec], store: Store) -> None:
        """Submit jobs, each as soon as Redis replies. Raises QueueUnavailable after `MAX_OUTAGE_S`."""
        for spec in specs:
            while True:
                try:
                    queue.submit(spec, store)
                    break
                except QueueUnavailable as error:
                    self.wait(str(error))


def later_by_result(keys: Iterable[str]) -> str:
    """How the results of these keys are had later: `gazegrid result KEY`."""
    listed = list(keys)
    if not listed:
        return "the same command finds the results"
    others = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
    return f"once it is computed, `gazegrid result {listed[0]}`{others} shows the result, and the same command finds it"
