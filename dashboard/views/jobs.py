"""Data and text of the page Queue: the state in Redis, titles of jobs, elapsed and remaining times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from core.display.headings import row_name, row_names
from core.display.wording import duration, network_name, network_names
from core.errors import GazegridError
from core.methods import METHODS, make_method
from core.queue.queue import JobQueue, JobRow, JobState, WorkerState
from core.store.store import Store

MAX_ROWS = 25
"""Jobs of one state that are listed; the rest is counted."""
COMPARISONS_SEARCHED = 100
"""Latest comparisons that are searched for the one that shows a job."""

PACE_AFTER_S = 6.0
"""Seconds that a job is watched before its remaining time is estimated."""


@dataclass(frozen=True)
class QueueView:
    """The queue at one moment."""

    counts: Mapping[str, int]
    running: tuple[JobRow, ...]
    queued: tuple[JobRow, ...]
    failed: tuple[JobRow, ...]
    workers: tuple[WorkerState, ...]

    @property
    def live(self) -> bool:
        """Whether any job runs or is queued."""
        return bool(self.running or self.queued)


@dataclass(frozen=True)
class Location:
    """Where a job's result is displayed: the key of its comparison, and the name of its row."""

    comparison: str
    row: str


def read_queue(queue: JobQueue) -> QueueView:
    """The queue as Redis has it now. Raises QueueUnavailable, within 3 s."""
    counts = queue.counts()
    running, queued, failed = queue.running(), queue.waiting(), queue.failed()
    return QueueView(counts, tuple(running), tuple(queued), tuple(failed), tuple(queue.workers()))


def locations(store: Store, rows: Iterable[JobRow]) -> dict[str, Location]:
    """Key of a job -> its location in the latest comparison that has it; jobs without one are left out."""
    wanted = {row.job.key for row in rows}
    result: dict[str, Location] = {}
    for comparison, _ in store.comparisons()[:COMPARISONS_SEARCHED] if wanted else ():
        for key, row in _rows(store, comparison).items():
            if key in wanted and key not in result:
                result[key] = Location(comparison, row)
        if len(result) == len(wanted):
            break
    return result


@lru_cache(maxsize=4 * COMPARISONS_SEARCHED)
def _rows(store: Store, comparison: str) -> dict[str, str]:
    """Key of each cell -> name of its row; empty for a comparison that cannot be read."""
    try:
        read = store.comparison(comparison)
        names = row_names(read)
        return {cell.spec.key: row_name(cell, names) for cell in read.cells()}
    except GazegridError:
        return {}


def job_title(row: JobRow, location: Location | None) -> str:
    """`Detail search · resnet18 · cat`, `Train a network · resnet18, 64 px, 20 epochs`."""
    if row.document is None:
        return f"Damaged record {row.job.key[:12]}"
    title = METHODS[row.method].title if row.method in METHODS else row.method
    about = network_name(row.network) if row.network else _subject(row.document["method"])
    return " · ".join(part for part in (title, about, location.row if location else "") if part)


def _subject(method: Mapping[str, Any]) -> str:
    """The subject of a job without a network; empty for a method of another version."""
    try:
        return make_method(method["name"], method["parameters"]).subject()
    except (GazegridError, KeyError, TypeError, AttributeError):
        return ""


def progress(row: JobRow) -> tuple[float, str]:
    """The share that is done, 0 to 1, and the step as text."""
    if not row.job.total:
        return 0.0, "Starting"
    share = min(1.0, row.job.step / row.job.total)
    return share, f"Step {row.job.step:,} of {row.job.total:,}"


@dataclass(frozen=True)
class Pace:
    """The step of a job when it was first seen, and the time of that."""

    step: int
    time_s: float


def time_left(first: Pace, job: JobState, now_s: float) -> str:
    """`about 3 min left`, by the steps since `first`; empty as long as these are too few for an estimate.

    The start of the job would be no basis: a training may resume from a checkpoint.
    """
    steps, watched_s = job.step - first.step, now_s - first.time_s
    if steps <= 0 or watched_s < PACE_AFTER_S:
        return ""
    return f"about {duration(max(0, job.total - job.step) * watched_s / steps)} left"


def elapsed(time: str | None, now: datetime | None = None) -> str:
    """`12 s`, `3 min`, `2.5 h`, `4 d` since a time as RQ writes it; `?` if that cannot be parsed."""
    try:
        then = datetime.fromisoformat(time or "")
    except ValueError:
        return "?"
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    seconds = max(0.0, ((now or datetime.now(UTC)) - then).total_seconds())
    return duration(seconds)


def worker_rows(view: QueueView, places: Mapping[str, Location]) -> list[dict[str, Any]]:
    """A row of the table for each worker."""
    names = {row.job.key: job_title(row, places.get(row.job.key)) for row in view.running}
    return [
        {
            "Worker": worker.name,
            "Host": worker.host,
            "Device": worker.device or "starting",
            "State": worker.state,
            "Job": names.get(worker.job or "", (worker.job or "")[:12]),
            "Loaded networks": list(network_names(worker.networks).values()),
            "Finished": worker.finished,
            "Failed": worker.failed,
            "Last heartbeat": f"{elapsed(worker.heard_at)} ago",
        }
        for worker in view.workers
    ]
