from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store
from tests.workers.conftest import wait_for
from tests.workers.crashing import POINTS, REAPER_POINTS, Marks
from tests.workers.soak import Nanny, check
from tests.workers.toy import Journal, toy_spec

FEW = (
    *("after the pop", "after the lease", "in a file", "before the manifest", "after the rename"),
    *("before the acknowledgement", "before the reaper recovers it"),
)


def crash_at(points: Sequence[str], settings: Settings, queue: JobQueue, store: Store, times: int = 1) -> None:
    """Jobs that crash a process `times` at each point; all end, and nothing is published twice or partly."""
    marks, marked = Marks(settings.home), [point for point in points for _ in range(times)]
    specs = {spec.key: spec for spec in map(toy_spec, range(len(marked)))}
    for key, point in zip(specs, marked, strict=True):
        marks.put(point, key)
    for spec in specs.values():
        queue.submit(spec, store)
    workers = Nanny(settings, 2, "tests.workers.crashing", "worker")
    reapers = Nanny(settings, 2, "tests.workers.crashing", "reaper")

    def all_ended() -> bool:
        workers.revive()
        reapers.revive()
        return {job.state for job in queue.states(specs).values()} == {"finished"}

    try:
        wait_for(all_ended, timeout_s=30 + 10 * len(marked), what="the end of all jobs")
    finally:
        workers.stop()
        reapers.stop()
    journal = Journal(settings.home)
    deaths = {pid: at for at, event, _, pid in journal.read() if event == "crash"}
    assert marks.left() == [], "points that no process came to"
    assert len(deaths) == len(marked) + sum(point in REAPER_POINTS for point in marked)
    assert check(specs, store, queue, journal, deaths).faults == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_crash_at_any_point_loses_nothing_and_doubles_nothing(
    settings: Settings, queue: JobQueue, store: Store
) -> None:
    crash_at(FEW, settings, queue, store)


@pytest.mark.soak
def test_five_crashes_at_each_point_lose_nothing_and_double_nothing(
    settings: Settings, queue: JobQueue, store: Store
) -> None:
    crash_at(POINTS, settings, queue, store, times=5)
