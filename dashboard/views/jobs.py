"""The queue as the page Queue shows it: one look at Redis, jobs in words, times as a reader counts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from core.display.headings import row_name
from core.display.wording import duration, network_name
from core.errors import GazegridError
from core.methods import METHODS, make_method
from core.queue.queue import JobQueue, JobRow, JobState, WorkerState
from core.store.store import Store

MOST_ROWS = 25
"""Jobs of a state that are shown one by one; the rest is counted."""
COMPARISONS_SEARCHED = 100
"""How many of the latest comparisons are looked through for a job's place."""

PACE_AFTER_S = 6.0
"""How long a job is watched before it is said how long it will take."""


@dataclass(frozen=True)
class QueueView:
    """Everything about the queue, as it stood a moment ago."""

    counts: Mapping[str, int]
    running: tuple[JobRow, ...]
    waiting: tuple[JobRow, ...]
    failed: tuple[JobRow, ...]
    workers: tuple[WorkerState, ...]

    @property
    def live(self) -> bool:
        """Whether anything is still to come."""
        return bool(self.running or self.waiting)


@dataclass(frozen=True)
class Place:
    """Where a job's result is shown: its comparison, and the name of its row."""

    comparison: str
    picture: str


def look_at_queue(queue: JobQueue) -> QueueView:
    """Ask Redis for everything. Raises QueueUnavailable, within 3 s."""
    counts = queue.counts()
    running, waiting, failed = queue.running(), queue.waiting(), queue.failed()
    return QueueView(counts, tuple(running), tuple(waiting), tuple(failed), tuple(queue.workers()))


def places(store: Store, rows: Iterable[JobRow]) -> dict[str, Place]:
    """The latest comparison that shows each job, by the job's key; a job that none shows is left out."""
    wanted = {row.job.key for row in rows}
    found: dict[str, Place] = {}
    for comparison, _ in store.comparisons()[:COMPARISONS_SEARCHED] if wanted else ():
        for key, picture in _cells(store, comparison).items():
            if key in wanted and key not in found:
                found[key] = Place(comparison, picture)
        if len(found) == len(wanted):
            break
    return found


@lru_cache(maxsize=4 * COMPARISONS_SEARCHED)
def _cells(store: Store, comparison: str) -> dict[str, str]:
    """Job key -> the row's name, of each cell; a comparison never changes. None of one that cannot be read."""
    try:
        return {cell.spec.key: row_name(cell) for cell in store.comparison(comparison).cells()}
    except GazegridError:
        return {}


def in_words(row: JobRow, place: Place | None) -> str:
    """`Detail search · resnet18 · cat`, `Train a network · resnet18, 64 px, 20 epochs`."""
    if row.document is None:
        return f"A damaged record, {row.job.key[:12]}"
    title = METHODS[row.method].title if row.method in METHODS else row.method
    about = network_name(row.network) if row.network else _subject(row.document["method"])
    return " · ".join(part for part in (title, about, place.picture if place else "") if part)


def _subject(asked: Mapping[str, Any]) -> str:
    """What a job without a network is about; nothing where it is not one of this version."""
    try:
        return make_method(asked["name"], asked["parameters"]).subject()
    except (GazegridError, KeyError, TypeError, AttributeError):
        return ""


def progress(row: JobRow) -> tuple[float, str]:
    """Share done, and that in words."""
    if not row.job.total:
        return 0.0, "Starting"
    share = min(1.0, row.job.step / row.job.total)
    return share, f"Step {row.job.step:,} of {row.job.total:,}"


@dataclass(frozen=True)
class Pace:
    """Where a job was when it was first looked at."""

    step: int
    time_s: float


def time_left(first: Pace, job: JobState, now_s: float) -> str:
    """`about 3 min left`, by the steps since the first look; empty until that has lasted and the job has moved.

    Not since the job's start: a training that goes on from a checkpoint begins in the middle.
    """
    steps, lasted_s = job.step - first.step, now_s - first.time_s
    if steps <= 0 or lasted_s < PACE_AFTER_S:
        return ""
    return f"about {duration(max(0, job.total - job.step) * lasted_s / steps)} left"


def ago(time: str | None, now: datetime | None = None) -> str:
    """`12 s`, `3 min`, `2.5 h`, `4 d` since a time as RQ writes it; `?` where it cannot be read."""
    try:
        then = datetime.fromisoformat(time or "")
    except ValueError:
        return "?"
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    seconds = max(0.0, ((now or datetime.now(UTC)) - then).total_seconds())
    return duration(seconds)


def worker_rows(view: QueueView, found: Mapping[str, Place]) -> list[dict[str, Any]]:
    """The workers for a table."""
    names = {row.job.key: in_words(row, found.get(row.job.key)) for row in view.running}
    return [
        {
            "Worker": worker.name,
            "Host": worker.host,
            "Device": worker.device or "starting",
            "State": worker.state,
            "Job": names.get(worker.job or "", worker.job and worker.job[:12]),
            "Networks loaded": [network_name(name) for name in worker.networks],
            "Finished": worker.finished,
            "Failed": worker.failed,
            "Last heard of": f"{ago(worker.heard_at)} ago",
        }
        for worker in view.workers
    ]
