"""Run a grid through the queue from the command line, and report each cell."""

from __future__ import annotations

import sys
import time
from typing import Any

from core.display.headings import column_name
from core.errors import QueueUnavailable
from core.jobs.comparison import Cell, Comparison, DatasetRef, PictureRef
from core.queue.grid import CellState, Grid, look, submit_grid
from core.queue.queue import JobQueue
from core.store.manifest import Manifest
from core.store.store import Store, result_folder

POLL_S = 0.3


def run_queued(comparison: Comparison, store: Store, queue: JobQueue) -> list[dict[str, Any]]:
    """Submit the grid and wait for all of its cells. Raises QueueUnavailable."""
    known = {cell.spec.key for cell in comparison.cells() if store.manifest(cell.spec.key)}
    submit_grid(comparison, store, queue)
    while True:
        grid = look(comparison, store, queue)
        if grid.queue_fault:
            raise QueueUnavailable(grid.queue_fault)
        _show_progress(grid)
        if not grid.live:
            break
        time.sleep(POLL_S)
    sys.stderr.write("\n")
    return [_queued_report(state, store, state.cell.spec.key in known) for state in grid.cells]


def _queued_report(state: CellState, store: Store, known: bool) -> dict[str, Any]:
    if state.status == "done":
        return cell_report(state.cell, "cached" if known else "computed", state.manifest, store)
    if state.status == "undefined":
        return cell_report(state.cell, "undefined", None, store, state.undefined)
    sentence = state.job.error if state.job else None
    return cell_report(state.cell, "failed", None, store, sentence or f"the job is {state.status}")


def _show_progress(grid: Grid) -> None:
    done = sum(state.status in ("done", "undefined") for state in grid.cells)
    running = [
        f"{column_name(grid.comparison, state.cell)} {state.job.step}/{state.job.total}"
        for state in grid.cells
        if state.job and state.status == "started"
    ]
    sys.stderr.write(f"\r\033[K{done} of {len(grid.cells)} cells  " + "  ".join(running))
    sys.stderr.flush()


def cell_report(
    cell: Cell, state: str, manifest: Manifest | None, store: Store, error: str | None = None
) -> dict[str, Any]:
    """A cell as `gazegrid run --json` gives it."""
    return {
        "key": cell.spec.key,
        "method": cell.method.name,
        "network": cell.spec.network_name,
        "picture": cell.row.name if isinstance(cell.row, PictureRef) else None,
        "state": state,
        "seconds": manifest.provenance.get("seconds") if manifest else None,
        "items": item_reports(manifest, store) if manifest else [],
        "metrics": manifest.metrics if manifest else {},
        "error": error,
    } | ({"dataset": cell.row.name} if isinstance(cell.row, DatasetRef) else {})


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
