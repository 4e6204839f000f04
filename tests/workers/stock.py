"""RQ's own worker with its defaults, running toys: the checker must find faults.

python -m tests.workers.stock
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from rq import Queue, Worker

from core.errors import ComputationFailed
from core.queue.connection import connect
from core.queue.ledger import Ledger
from core.queue.queue import TASK
from core.settings import get_settings
from tests.workers.toy import ToyRunner
from workers.worker.child import Outcome
from workers.worker.lease import Lease


class NoLease(Lease):
    """A lease that is always valid, since RQ has none."""

    def confirm(self) -> None:
        """Always allow to publish."""

    def report(self, fields: Mapping[str, str | int], preview: bytes = b"") -> None:
        """Ignore progress."""


def run_spec(document: Mapping[str, Any]) -> dict[str, str]:
    """Run one toy."""
    settings = get_settings()
    lease = NoLease(Ledger(connect(settings), settings.queue), "", "", settings.lease_s)
    outcome: Outcome = ToyRunner(settings)(document, lease)
    if outcome.state != "finished":
        raise ComputationFailed(outcome.sentence)
    return {"state": outcome.state}


def main() -> None:
    """Work until killed; job records name the function above."""
    module, _, name = TASK.rpartition(".")
    sys.modules[module] = stand_in = ModuleType(module)
    setattr(stand_in, name, run_spec)
    settings = get_settings()
    redis = connect(settings)
    queue = Queue(settings.queue, connection=redis, serializer="json")
    Worker([queue], connection=redis, serializer="json").work(logging_level="WARNING")


if __name__ == "__main__":
    main()
