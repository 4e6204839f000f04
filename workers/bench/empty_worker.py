"""A worker whose jobs do nothing, which measures the queue alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.settings import Settings, get_settings
from workers.worker.child import Outcome
from workers.worker.lease import Lease
from workers.worker.parent import WarmWorker


class EmptyRunner:
    """Finishes every job at once."""

    device = "none"

    def __init__(self, settings: Settings) -> None:
        """Create it; settings are not used."""

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:  # noqa: ARG002  it does nothing
        return Outcome("finished")


def nothing() -> None:
    """A job that does nothing, for RQ's own worker."""


if __name__ == "__main__":
    WarmWorker(get_settings(), runner="workers.bench.empty_worker.EmptyRunner").work(with_scheduler=False)
