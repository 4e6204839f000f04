"""What was trained here, for the fields that name the result of another job."""

from __future__ import annotations

from core.display.headings import cell_name
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.store.store import Store

COMPARISONS_SEARCHED = 100
"""How many of the latest comparisons are looked through."""


def trained_by(store: Store, method: str) -> dict[str, str]:
    """Key -> `digits: decoder transposed` of the results of this method that are in the store, the latest first."""
    found: dict[str, str] = {}
    for key, _ in store.comparisons()[:COMPARISONS_SEARCHED]:
        try:
            comparison = store.comparison(key)
        except GazegridError:
            continue
        if method in {asked.name for asked in comparison.methods}:
            found |= {key: name for key, name in _done(comparison, method, store).items() if key not in found}
    return found


def _done(comparison: Comparison, method: str, store: Store) -> dict[str, str]:
    cells = (cell for cell in comparison.cells() if cell.method.name == method)
    return {cell.spec.key: cell_name(comparison, cell) for cell in cells if store.has(cell.spec.key)}
