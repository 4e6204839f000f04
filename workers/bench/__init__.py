"""Speed as ratios within one run: each module here measures one promise, and is found by its name.

A module holds `run(quick: bool = False)`, which gives one row or several; `quick` takes few repetitions, for tests.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from core.errors import BadInput
from workers.bench.row import Row

BENCHES = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name.startswith("bench_")))


def run_benches(names: list[str], *, quick: bool = False) -> list[Row]:
    """Measure what is named, or everything. Raises BadInput for a name that there is not."""
    known = {name.removeprefix("bench_"): name for name in BENCHES}
    for name in names:
        if name not in known:
            raise BadInput(f"there is no bench {name[:80]!r}; there are: {', '.join(known)}")
    rows: list[Row] = []
    for name in names or known:
        measured = import_module(f"{__name__}.{known[name]}").run(quick=quick)
        rows.extend(measured if isinstance(measured, list) else [measured])
    return rows
