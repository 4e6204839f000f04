"""Runs a grid and reports each cell: in this process, or through the queue."""

from __future__ import annotations

import time
from typing import Any

from core.display.headings import column_name
from core.jobs.comparison import Comparison
from core.queue.grid import CellState, Grid, read_grid
from core.queue.queue import JobQueue, connect
from core.settings import get_settings
from core.store.store import Store
from workers.cli.console import show_progress
from workers.cli.outage import Outage, later_by_result
from workers.cli.reports import cell_report

POLL_S = 0.3


def run_grid(comparison: Comparison, store: Store, *, inline: bool) -> list[dict[str, Any]]:
    """Compute the grid in this process or by the workers; a report of each cell. Raises QueueUnavailable."""
    settings = get_settings()
    if inline:
        from workers.cli.inline import run_inline  # noqa: PLC0415  torch takes seconds, and only this needs it

        return run_inline(comparison, store)
    return run_queued(comparison, store, JobQueue(connect(settings), settings))


def run_queued(comparison: Comparison, store: Store, queue: JobQueue) -> list[dict[str, Any]]:
    """Submit the grid and wait for all cells; a report of each.

    While Redis is away, the workers go on and this waits. Raises QueueUnavailable where Redis is away from the start,
    or for long.
    """
    cached = {cell.spec.key for cell in comparison.cells() if store.manifest(cell.spec.key)}
    specs = [cell.spec for cell in comparison.cells() if not cell.undefined and cell.spec.key not in cached]
    outage = Outage(later_by_result(spec.key for spec in specs))
    store.put_comparison(comparison)
    outage.submit_all(queue, specs, store)
    while True:
        grid = read_grid(comparison, store, queue)
        if grid.queue_fault:
            outage.wait(grid.queue_fault)
            continue
        if outage.is_over() and (lost := [state.cell.spec for state in grid.cells if state.status == "absent"]):
            outage.submit(queue, lost, store)
            continue
        show_progress(_progress_line(grid), last=not grid.live)
        if not grid.live:
            break
        time.sleep(POLL_S)
    return [_queued_report(state, store, cached=state.cell.spec.key in cached) for state in grid.cells]


def _queued_report(state: CellState, store: Store, *, cached: bool) -> dict[str, Any]:
    if state.status == "done":
        return cell_report(state.cell, "cached" if cached else "computed", state.manifest, store)
    if state.status == "undefined":
        return cell_report(state.cell, "undefined", None, store, state.undefined)
    sentence = state.job.error if state.job else None
    return cell_report(state.cell, "failed", None, store, sentence or f"the job is {state.status}")


def _progress_line(grid: Grid) -> str:
    done = sum(state.status in ("done", "undefined") for state in grid.cells)
    running = [
        f"{column_name(grid.comparison, state.cell)} {state.job.step}/{state.job.total}"
        for state in grid.cells
        if state.job and state.status == "started"
    ]
    return f"{done} of {len(grid.cells)} cells  " + "  ".join(running)
