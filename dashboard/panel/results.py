"""Trained models in the store, for parameters that name the result of another job."""

from __future__ import annotations

from core.display.headings import cell_names
from core.errors import GazegridError
from core.jobs.comparison import Comparison
from core.store.store import Store

MAX_COMPARISONS = 100
"""Latest comparisons that are searched."""


def trained_by(store: Store, method: str) -> dict[str, str]:
    """Key -> name of the stored results of this method, the latest first: `digits: decoder transposed`."""
    results: dict[str, str] = {}
    for key, _ in store.comparisons()[:MAX_COMPARISONS]:
        try:
            comparison = store.comparison(key)
        except GazegridError:
            continue
        if method in {variant.name for variant in comparison.methods}:
            results |= {key: name for key, name in _stored(comparison, method, store).items() if key not in results}
    return results


def _stored(comparison: Comparison, method: str, store: Store) -> dict[str, str]:
    named = zip(comparison.cells(), cell_names(comparison), strict=True)
    return {cell.spec.key: name for cell, name in named if cell.method.name == method and store.has(cell.spec.key)}
