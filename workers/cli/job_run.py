"""Runs jobs that are not cells of a grid, and reports each: in this process, or through the queue."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import Undefined
from core.jobs.spec import JobSpec
from core.networks.catalog import get_card
from core.queue.queue import JobQueue, JobState, connect
from core.settings import get_settings
from core.store.store import Store
from workers.cli.console import show_progress
from workers.cli.outage import Outage, later_by_result

POLL_S = 0.5
END_STATES = frozenset({"finished", "failed", "canceled"})


@dataclass(frozen=True)
class JobReport:
    """How one job ended; `sentence` says why there is no result."""

    spec: JobSpec
    state: Literal["cached", "computed", "undefined", "failed"]
    sentence: str = ""


def run_jobs(specs: Sequence[JobSpec], store: Store, *, inline: bool) -> list[JobReport]:
    """Compute what the store lacks; a report of each job, in order. Raises QueueUnavailable."""
    reports: dict[str, JobReport] = {}
    missing = []
    for spec in specs:
        if (reason := _undefined(spec)) is not None:
            reports[spec.key] = JobReport(spec, "undefined", reason)
        elif store.manifest(spec.key) is not None:
            reports[spec.key] = JobReport(spec, "cached")
        else:
            missing.append(spec)
    if missing:
        computed = _run_inline(missing, store) if inline else _run_queued(missing, store)
        reports |= {report.spec.key: report for report in computed}
    return [reports[spec.key] for spec in specs]


def _undefined(spec: JobSpec) -> str | None:
    return spec.method.undefined_for(get_card(spec.network_name)) if spec.network_name else None


def _run_inline(specs: Sequence[JobSpec], store: Store) -> list[JobReport]:
    from workers.cli.inline import compute_job, inline_pool  # noqa: PLC0415  torch takes seconds; only this needs it

    pool = inline_pool()
    return [JobReport(spec, *compute_job(spec, store, pool, _name(spec))) for spec in specs]


def _run_queued(specs: Sequence[JobSpec], store: Store) -> list[JobReport]:
    queue = JobQueue(connect(get_settings()), get_settings())
    keys = [spec.key for spec in specs]
    outage = Outage(later_by_result(keys))
    outage.submit_all(queue, specs, store)
    while True:
        jobs = outage.states(queue, keys)
        if outage.is_over() and (lost := [spec for spec in specs if spec.key not in jobs]):
            outage.submit(queue, lost, store)
            continue
        waiting = [spec for spec in specs if store.manifest(spec.key) is None and _is_live(jobs.get(spec.key))]
        show_progress(_progress_line(len(specs) - len(waiting), jobs, specs), last=not waiting)
        if not waiting:
            break
        time.sleep(POLL_S)
    return [_queued_report(spec, store, jobs.get(spec.key)) for spec in specs]


def _is_live(job: JobState | None) -> bool:
    return job is not None and job.state not in END_STATES


def _queued_report(spec: JobSpec, store: Store, job: JobState | None) -> JobReport:
    if store.manifest(spec.key) is not None:
        return JobReport(spec, "computed")
    if job is not None and job.error_code == Undefined.code:
        return JobReport(spec, "undefined", job.error or "")
    return JobReport(
        spec, "failed", (job.error if job else None) or "the job was canceled or has expired: run it again"
    )


def _progress_line(done: int, jobs: Mapping[str, JobState], specs: Sequence[JobSpec]) -> str:
    started = [(spec, job) for spec in specs if (job := jobs.get(spec.key)) and job.state == "started"]
    return f"{done} of {len(specs)} jobs  " + "  ".join(
        f"{_name(spec)} {job.step}/{job.total}" for spec, job in started
    )


def _name(spec: JobSpec) -> str:
    return "  ".join(part for part in (spec.method.subject() or spec.method.name, spec.network_name or "") if part)
