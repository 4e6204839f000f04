"""Computes jobs in this process: the same store, no queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch

from core.display.headings import cell_names
from core.errors import Undefined
from core.items import Pixels
from core.jobs.comparison import Cell, Comparison
from core.jobs.spec import JobSpec
from core.method_base.method import Context
from core.networks.pool import NetworkPool, default_device
from core.settings import get_settings
from core.store.store import Store
from workers.cli.console import show_progress
from workers.cli.reports import cell_report
from workers.worker.memory import keep_freed_memory
from workers.worker.task import compute, failure

MEMORY_BYTES = 2**33
REPORT_EVERY_S = 0.5


class ConsoleContext(Context):
    """Shows progress on standard error, at most twice a second."""

    def __init__(self, seed: int, label: str) -> None:
        super().__init__(seed)
        self.label = label
        self._last_s = 0.0

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,  # noqa: ARG002  a console shows no pictures
    ) -> None:
        now = time.monotonic()
        if now - self._last_s < REPORT_EVERY_S and step < total:
            return
        self._last_s = now
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in (scalars or {}).items())
        show_progress(f"{self.label}  {step}/{total}  {numbers}", last=step >= total)


def inline_pool() -> NetworkPool:
    """Loaded networks of this process, on the device and with the threads of its settings."""
    settings = get_settings()
    torch.set_num_threads(settings.worker_threads)
    keep_freed_memory()
    return NetworkPool(MEMORY_BYTES, default_device(settings.device))


def run_inline(comparison: Comparison, store: Store) -> list[dict[str, Any]]:
    """Compute the grid cell by cell; a report of each. A failing cell does not stop the others."""
    store.put_comparison(comparison)
    pool = inline_pool()
    named = zip(comparison.cells(), cell_names(comparison), strict=True)
    return [_cell_report(cell, name, store, pool) for cell, name in named]


def _cell_report(cell: Cell, name: str, store: Store, pool: NetworkPool) -> dict[str, Any]:
    if cell.undefined:
        return cell_report(cell, "undefined", None, store, cell.undefined)
    if (manifest := store.manifest(cell.spec.key)) is not None:
        return cell_report(cell, "cached", manifest, store)
    state, sentence = compute_job(cell.spec, store, pool, f"{cell.method.title}  {name}")
    return cell_report(cell, state, store.manifest(cell.spec.key), store, sentence or None)


def compute_job(
    spec: JobSpec, store: Store, pool: NetworkPool, label: str
) -> tuple[Literal["computed", "undefined", "failed"], str]:
    """Compute a job and store its result: (state, sentence that says why there is no result)."""
    try:
        compute(spec, store, pool, ConsoleContext(spec.seed, label))
    except Undefined as error:
        return "undefined", str(error)
    except Exception as error:  # noqa: BLE001  whatever a method raises fails its job, in a sentence
        return "failed", failure(error).sentence
    return "computed", ""
