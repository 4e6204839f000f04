"""The state of a comparison: submit its cells, and read the states of all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import QueueUnavailable, Undefined
from core.jobs.comparison import Cell, Comparison
from core.queue.queue import JobQueue, JobState, Submission
from core.store.manifest import Manifest
from core.store.store import Store

CellStatus = Literal["done", "undefined", "queued", "started", "failed", "canceled", "absent", "unknown"]
"""`absent`: never submitted, or evicted; `unknown`: not in the store, and Redis cannot be reached."""
LIVE: frozenset[CellStatus] = frozenset({"queued", "started", "unknown"})
"""States that may still change."""


@dataclass(frozen=True)
class CellState:
    """The current state of a cell: its manifest where it is done, its job where there is one."""

    cell: Cell
    status: CellStatus
    manifest: Manifest | None = None
    job: JobState | None = None

    @property
    def undefined(self) -> str | None:
        """Why there is nothing to compute, by the method's declaration or its job; None where the cell is defined."""
        if self.status != "undefined":
            return None
        return self.cell.undefined or (self.job.error if self.job else None)


@dataclass(frozen=True)
class Grid:
    """The current states of all cells; `queue_fault`: why Redis could not be reached, one sentence."""

    comparison: Comparison
    cells: tuple[CellState, ...]
    queue_fault: str | None = None

    @property
    def live(self) -> bool:
        """Whether any cell may still change; also true while Redis cannot be reached."""
        return any(cell.status in LIVE for cell in self.cells)

    def rows(self) -> Iterator[tuple[CellState, ...]]:
        """The cells of each row; several methods with networks have a row each for every picture."""
        width = self.comparison.width
        for start in range(0, len(self.cells), width):
            yield self.cells[start : start + width]

    def rows_of(self, digest: str) -> Grid:
        """The rows of the picture or data set of this digest."""
        return replace(self, cells=tuple(state for state in self.cells if state.cell.row_digest == digest))

    def row_of(self, cell: Cell) -> Grid:
        """The row that holds this cell."""
        row = next(row for row in self.rows() if cell.spec.key in {state.cell.spec.key for state in row})
        return replace(self, cells=row)


def submit_grid(comparison: Comparison, store: Store, queue: JobQueue) -> list[Submission | None]:
    """Store the comparison and submit its cells; one submission per cell, None where a cell is undefined.

    Safe to repeat: stored results are reused and running jobs are joined. Raises QueueUnavailable, StoreFull.
    """
    store.put_comparison(comparison)
    return [None if cell.undefined else queue.submit(cell.spec, store) for cell in comparison.cells()]


def read_grid(comparison: Comparison, store: Store, queue: JobQueue) -> Grid:
    """The current state of every cell: from the store, then from Redis, in one round trip, for the rest."""
    cells = list(comparison.cells())
    manifests = {cell.spec.key: store.manifest(cell.spec.key) for cell in cells if not cell.undefined}
    missing = [key for key, manifest in manifests.items() if manifest is None]
    fault, jobs = None, {}
    if missing:
        try:
            jobs = queue.states(missing)
        except QueueUnavailable as error:
            fault = str(error)
    states = [_cell_state(cell, manifests.get(cell.spec.key), jobs.get(cell.spec.key), fault, store) for cell in cells]
    return Grid(comparison, tuple(states), fault)


def _cell_state(
    cell: Cell, manifest: Manifest | None, job: JobState | None, fault: str | None, store: Store
) -> CellState:
    if cell.undefined:
        return CellState(cell, "undefined")
    if manifest is not None:
        return CellState(cell, "done", manifest)
    if job is None:
        return CellState(cell, "unknown" if fault else "absent")
    if job.state == "finished":  # it ended after the store was read
        late = store.manifest(cell.spec.key)
        return CellState(cell, "done" if late else "absent", late, job)
    if job.state == "failed" and job.error_code == Undefined.code:
        return CellState(cell, "undefined", None, job)
    return CellState(cell, job.state, None, job)
