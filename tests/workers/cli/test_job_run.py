from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from core.errors import Undefined
from core.items import Result, Scalar
from core.jobs.spec import JobSpec
from core.methods import make_method
from core.networks.catalog import get_card
from core.queue.queue import JobState
from core.store.store import Store
from tests.support.kept import PROVENANCE
from workers.cli import job_run
from workers.cli.job_run import run_jobs

RESULT = Result({"insertion": Scalar(value=1.0)})


class Queue:
    """A queue whose jobs run at the first poll, and end at the second as `ends` says."""

    def __init__(self, ends: dict[int, JobState | None]) -> None:
        self.ends, self.store, self.polls, self.submitted = ends, None, 0, []

    def submit(self, spec: JobSpec, store: Store) -> None:
        self.store = store
        self.submitted.append(spec)

    def states(self, keys: Iterable[str]) -> dict[str, JobState]:
        self.polls += 1
        if self.polls == 1:
            return {key: JobState(key, "started", 1, 2) for key in keys}
        for spec in self.submitted:
            if spec.method.count not in self.ends:
                self.store.publish(spec, RESULT, PROVENANCE)
        states = {spec.key: self.ends.get(spec.method.count, JobState(spec.key, "finished")) for spec in self.submitted}
        return {key: state for key, state in states.items() if state is not None}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def job(count: int, **parameters: Any) -> JobSpec:
    method = make_method("measure_attributions", {"count": count} | parameters)
    return JobSpec(method, (), get_card("random/test_resnet").identity, 0, "2" * 64)


def ran(monkeypatch: pytest.MonkeyPatch, store: Store, specs: list[JobSpec], ends: dict[int, Any]) -> list[Any]:
    queue = Queue(ends)
    monkeypatch.setattr(job_run, "JobQueue", lambda *_: queue)
    monkeypatch.setattr(job_run, "connect", lambda _: None)
    monkeypatch.setattr(job_run, "POLL_S", 0.0)
    return [
        (report.spec.method.count, report.state, report.sentence) for report in run_jobs(specs, store, inline=False)
    ]


def test_reports_are_in_the_order_of_the_jobs(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    specs = [job(count) for count in (1, 2, 3, 4, 5)]
    store.publish(specs[1], RESULT, PROVENANCE)
    ends = {
        3: JobState("3", "failed", error="no memory", error_code="computation_failed"),
        4: JobState("4", "failed", error="No classes.", error_code=Undefined.code),
        5: None,
    }
    assert ran(monkeypatch, store, specs, ends) == [
        (1, "computed", ""),
        (2, "cached", ""),
        (3, "failed", "no memory"),
        (4, "undefined", "No classes."),
        (5, "failed", "the job was canceled or has expired: run it again"),
    ]


def test_an_undefined_job_is_not_submitted(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    method = type(job(1).method)
    monkeypatch.setattr(method, "undefined_for", lambda self, _: "No attention here." if self.count == 2 else None)
    assert ran(monkeypatch, store, [job(1), job(2)], {}) == [
        (1, "computed", ""),
        (2, "undefined", "No attention here."),
    ]
