"""Run jobs that are no cells of a grid, on the queue or in this process, and report each."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.errors import Undefined
from core.jobs.spec import JobSpec
from core.networks.catalog import get_card
from core.queue.queue import JobQueue, JobState, connect
from core.settings import get_settings
from core.store.store import Store

if TYPE_CHECKING:
    from core.networks.pool import NetworkPool

POLL_S = 0.5
ENDED = frozenset({"finished", "failed", "canceled"})


@dataclass(frozen=True)
class JobReport:
    """How one job ended; `sentence` says why there is no result."""

    spec: JobSpec
    state: Literal["cached", "computed", "undefined", "failed"]
    sentence: str = ""


def run_jobs(specs: Sequence[JobSpec], store: Store, *, inline: bool) -> list[JobReport]:
    """Compute what is not in the store; a job that fails leaves the others alone. Raises QueueUnavailable."""
    reports: dict[str, JobReport] = {}
    wanted = []
    for spec in specs:
        if (reason := _undefined(spec)) is not None:
            reports[spec.key] = JobReport(spec, "undefined", reason)
        elif store.manifest(spec.key) is not None:
            reports[spec.key] = JobReport(spec, "cached")
        else:
            wanted.append(spec)
    done = _run_inline(wanted, store) if inline else _run_queued(wanted, store)
    reports |= {report.spec.key: report for report in done}
    return [reports[spec.key] for spec in specs]


def _undefined(spec: JobSpec) -> str | None:
    return spec.method.undefined_for(get_card(spec.network_name)) if spec.network_name else None


def _run_inline(specs: Sequence[JobSpec], store: Store) -> list[JobReport]:
    if not specs:
        return []
    import torch  # noqa: PLC0415  takes seconds; jobs on the queue need none of it

    from core.networks.pool import NetworkPool, default_device  # noqa: PLC0415
    from workers.cli.inline import MEMORY_BYTES  # noqa: PLC0415
    from workers.worker.memory import keep_freed_memory  # noqa: PLC0415

    settings = get_settings()
    torch.set_num_threads(settings.worker_threads)
    keep_freed_memory()
    pool = NetworkPool(MEMORY_BYTES, default_device(settings.device))
    return [_computed(spec, store, pool) for spec in specs]


def _computed(spec: JobSpec, store: Store, pool: NetworkPool) -> JobReport:
    from workers.cli.inline import ConsoleContext  # noqa: PLC0415
    from workers.worker.task import compute, failure  # noqa: PLC0415

    try:
        compute(spec, store, pool, ConsoleContext(spec.seed, _name(spec)))
    except Undefined as error:
        return JobReport(spec, "undefined", str(error))
    except Exception as error:  # noqa: BLE001  whatever a method raises fails its job, in a sentence
        return JobReport(spec, "failed", failure(error).sentence)
    return JobReport(spec, "computed")


def _run_queued(specs: Sequence[JobSpec], store: Store) -> list[JobReport]:
    queue = JobQueue(connect(get_settings()), get_settings())
    for spec in specs:
        queue.submit(spec, store)
    keys = [spec.key for spec in specs]
    while True:
        jobs = queue.states(keys)
        waiting = [spec for spec in specs if store.manifest(spec.key) is None and _is_live(jobs.get(spec.key))]
        _show_progress(len(specs) - len(waiting), jobs, specs)
        if not waiting:
            break
        time.sleep(POLL_S)
    sys.stderr.write("\n" if specs else "")
    return [_ended(spec, store, jobs.get(spec.key)) for spec in specs]


def _is_live(job: JobState | None) -> bool:
    return job is not None and job.state not in ENDED


def _ended(spec: JobSpec, store: Store, job: JobState | None) -> JobReport:
    if store.manifest(spec.key) is not None:
        return JobReport(spec, "computed")
    if job is not None and job.error_code == Undefined.code:
        return JobReport(spec, "undefined", job.error or "")
    return JobReport(spec, "failed", (job.error if job else None) or "the job was canceled, or is gone: ask again")


def _show_progress(done: int, jobs: dict[str, JobState], specs: Sequence[JobSpec]) -> None:
    running = [(spec, job) for spec in specs if (job := jobs.get(spec.key)) and job.state == "started"]
    said = "  ".join(f"{_name(spec)} {job.step}/{job.total}" for spec, job in running)
    sys.stderr.write(f"\r\033[K{done} of {len(specs)} jobs  {said}" if specs else "")
    sys.stderr.flush()


def _name(spec: JobSpec) -> str:
    return "  ".join(part for part in (spec.method.subject() or spec.method.name, spec.network_name or "") if part)
