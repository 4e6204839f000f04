"""Run a grid from the command line, through the queue or in this process, and report each cell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.comparison import Cell, Comparison
from core.errors import GazegridError, QueueUnavailable, Undefined
from core.grid import CellState, look, submit_grid
from core.manifest import Manifest
from core.method import Context
from core.queue import JobQueue
from core.store import Store, result_folder

POLL_S = 0.3


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
        preview: Callable[[], Any] | None = None,  # noqa: ARG002  nothing to see on a console
    ) -> None:
        now = time.monotonic()
        if now - self._last_s < 0.5 and step < total:
            return
        self._last_s = now
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in (scalars or {}).items())
        sys.stderr.write(f"\r\033[K{self.label}  {step}/{total}  {numbers}" + ("\n" if step >= total else ""))
        sys.stderr.flush()


def run_inline(comparison: Comparison, store: Store, device: str) -> list[dict[str, Any]]:
    """Compute the grid in this process, cell by cell, with the same store and no queue."""
    from core.networks.pool import NetworkPool, default_device  # torch takes seconds: only this command needs it
    from workers.task import compute

    store.put_comparison(comparison)
    pool = NetworkPool(limit_bytes=2**62, device=default_device(device))

    def report(cell: Cell) -> dict[str, Any]:
        if cell.undefined:
            return cell_report(cell, "undefined", None, store, cell.undefined)
        if (manifest := store.manifest(cell.spec.key)) is not None:
            return cell_report(cell, "cached", manifest, store)
        context = ConsoleContext(cell.spec.seed, f"{cell.method.name}  {cell.picture.name}  {cell.network}")
        try:
            return cell_report(cell, "computed", compute(cell.spec, store, pool.get, context), store)
        except Undefined as error:
            return cell_report(cell, "undefined", None, store, str(error))
        except GazegridError as error:
            return cell_report(cell, "failed", None, store, str(error))

    return [report(cell) for cell in comparison.cells()]


def run_queued(comparison: Comparison, store: Store, queue: JobQueue) -> list[dict[str, Any]]:
    """Submit the grid and wait for all of its cells. Raises QueueUnavailable."""
    known = {cell.spec.key for cell in comparison.cells() if store.manifest(cell.spec.key)}
    submit_grid(comparison, store, queue)
    while True:
        grid = look(comparison, store, queue)
        if grid.queue_fault:
            raise QueueUnavailable(grid.queue_fault)
        _show_progress(grid.cells)
        if not grid.live:
            break
        time.sleep(POLL_S)
    sys.stderr.write("\n")
    return [_queued_report(state, store, state.cell.spec.key in known) for state in grid.cells]


def _queued_report(state: CellState, store: Store, known: bool) -> dict[str, Any]:
    if state.standing == "done":
        return cell_report(state.cell, "cached" if known else "computed", state.manifest, store)
    if state.standing == "undefined":
        return cell_report(state.cell, "undefined", None, store, state.cell.undefined)
    sentence = state.job.error if state.job else None
    return cell_report(state.cell, "failed", None, store, sentence or f"the job is {state.standing}")


def _show_progress(cells: tuple[CellState, ...]) -> None:
    done = sum(cell.standing in ("done", "undefined") for cell in cells)
    running = [f"{s.cell.network} {s.job.step}/{s.job.total}" for s in cells if s.job and s.standing == "started"]
    sys.stderr.write(f"\r\033[K{done} of {len(cells)} cells  " + "  ".join(running))
    sys.stderr.flush()


def cell_report(
    cell: Cell, state: str, manifest: Manifest | None, store: Store, error: str | None = None
) -> dict[str, Any]:
    """A cell as `gazegrid run --json` gives it."""
    return {
        "key": cell.spec.key,
        "method": cell.method.name,
        "network": cell.network,
        "picture": cell.picture.name,
        "state": state,
        "seconds": manifest.provenance.get("seconds") if manifest else None,
        "items": item_reports(manifest, store) if manifest else [],
        "metrics": manifest.metrics if manifest else {},
        "error": error,
    }


def item_reports(manifest: Manifest, store: Store) -> list[dict[str, Any]]:
    """Name, kind and path of each item; the path is None where the manifest holds all of it."""
    return [
        {
            "name": item.name,
            "kind": item.kind,
            "path": store.path_of(f"{result_folder(manifest.key)}/{item.files[0].name}") if item.files else None,
        }
        for item in manifest.items
    ]
