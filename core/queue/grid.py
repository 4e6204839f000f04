"""A comparison as it stands: submit its cells, and look at all of them at once."""

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
"""`absent`: never asked for, or evicted; `unknown`: not in the store, and Redis cannot be asked."""
LIVE: frozenset[CellStatus] = frozenset({"queued", "started", "unknown"})


@dataclass(frozen=True)
class CellState:
    """One cell now: its result where it is done, its job where there is one."""

    cell: Cell
    status: CellStatus
    manifest: Manifest | None = None
    job: JobState | None = None

    @property
    def undefined(self) -> str | None:
        """Why there is nothing to compute here, as the method said before, or found out when it ran."""
        if self.status != "undefined":
            return None
        return self.cell.undefined or (self.job.error if self.job else None)


@dataclass(frozen=True)
class Grid:
    """All cells now. `queue_fault` is a sentence where Redis could not be asked."""

    comparison: Comparison
    cells: tuple[CellState, ...]
    queue_fault: str | None = None

    @property
    def live(self) -> bool:
        """Whether any cell is still to come, or may be: whoever looks goes on looking while Redis is away."""
        return any(cell.status in LIVE for cell in self.cells)

    def rows(self) -> Iterator[tuple[CellState, ...]]:
        """Row by row; of several methods through networks, each has a row of every picture."""
        width = self.comparison.width
        for start in range(0, len(self.cells), width):
            yield self.cells[start : start + width]

    def about(self, digest: str) -> Grid:
        """The part that is about the picture or the data set of this digest."""
        return replace(self, cells=tuple(state for state in self.cells if state.cell.row_digest == digest))

    def row_of(self, cell: Cell) -> Grid:
        """The part that is the cell's row."""
        row = next(row for row in self.rows() if cell.spec.key in {state.cell.spec.key for state in row})
        return replace(self, cells=row)


def submit_grid(comparison: Comparison, store: Store, queue: JobQueue) -> list[Submission | None]:
    """Keep the comparison and ask for each of its cells; None where a cell is undefined.

    Asking again is free: what is stored is a hit, what runs is joined. Raises QueueUnavailable, StoreFull.
    """
    store.put_comparison(comparison)
    return [None if cell.undefined else queue.submit(cell.spec, store) for cell in comparison.cells()]


def look(comparison: Comparison, store: Store, queue: JobQueue) -> Grid:
    """Every cell as it stands now: the store first, and one question to Redis for all the rest."""
    cells = list(comparison.cells())
    manifests = {cell.spec.key: store.manifest(cell.spec.key) for cell in cells if not cell.undefined}
    waiting = [key for key, manifest in manifests.items() if manifest is None]
    fault, jobs = None, {}
    if waiting:
        try:
            jobs = queue.states(waiting)
        except QueueUnavailable as error:
            fault = str(error)
    states = [_standing(cell, manifests.get(cell.spec.key), jobs.get(cell.spec.key), fault, store) for cell in cells]
    return Grid(comparison, tuple(states), fault)


def _standing(
    cell: Cell, manifest: Manifest | None, job: JobState | None, fault: str | None, store: Store
) -> CellState:
    if cell.undefined:
        return CellState(cell, "undefined")
    if manifest is not None:
        return CellState(cell, "done", manifest)
    if job is None:
        return CellState(cell, "unknown" if fault else "absent")
    if job.state == "finished":  # it ended between the look into the store and the question to Redis
        late = store.manifest(cell.spec.key)
        return CellState(cell, "done" if late else "absent", late, job)
    if job.state == "failed" and job.error_code == Undefined.code:
        return CellState(cell, "undefined", None, job)
    return CellState(cell, job.state, None, job)
