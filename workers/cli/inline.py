"""Run a grid in this process: the same store, no queue."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.display.headings import cell_name
from core.errors import Undefined
from core.items import Pixels
from core.jobs.comparison import Cell, Comparison
from core.method_base.method import Context
from core.networks.pool import NetworkPool, default_device
from core.store.store import Store
from workers.cli.grid_run import cell_report
from workers.worker.memory import keep_freed_memory
from workers.worker.task import compute, failure

MEMORY_BYTES = 2**33
REPORT_EVERY_S = 0.5


class ConsoleContext(Context):
    """Reports to standard error, at most twice a second."""

    def __init__(self, seed: int, label: str) -> None:
        super().__init__(seed)
        self.label = label
        self._last_s = 0.0

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,  # noqa: ARG002  nothing to see on a console
    ) -> None:
        now = time.monotonic()
        if now - self._last_s < REPORT_EVERY_S and step < total:
            return
        self._last_s = now
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in (scalars or {}).items())
        end = "\n" if step >= total else ""
        sys.stderr.write(f"\r\033[K{self.label}  {step}/{total}  {numbers}{end}")
        sys.stderr.flush()


def run_inline(comparison: Comparison, store: Store, device: str) -> list[dict[str, Any]]:
    """Compute the grid cell by cell; a report of each. A cell that fails leaves the others alone."""
    store.put_comparison(comparison)
    keep_freed_memory()
    pool = NetworkPool(limit_bytes=MEMORY_BYTES, device=default_device(device))
    return [_report(cell, cell_name(comparison, cell), store, pool) for cell in comparison.cells()]


def _report(cell: Cell, name: str, store: Store, pool: NetworkPool) -> dict[str, Any]:
    if cell.undefined:
        return cell_report(cell, "undefined", None, store, cell.undefined)
    if (manifest := store.manifest(cell.spec.key)) is not None:
        return cell_report(cell, "cached", manifest, store)
    context = ConsoleContext(cell.spec.seed, f"{cell.method.title}  {name}")
    try:
        return cell_report(cell, "computed", compute(cell.spec, store, pool, context), store)
    except Undefined as error:
        return cell_report(cell, "undefined", None, store, str(error))
    except Exception as error:  # noqa: BLE001  whatever a method raises fails its cell, in a sentence
        return cell_report(cell, "failed", None, store, failure(error).sentence)
