"""Benchmarks: speed as ratios within one run. Each module `bench_NAME` measures one target, and is found by its name.

A module defines `run(quick: bool = False)`, which returns a `Row` or several; `quick` runs few repetitions, for tests.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from core.errors import BadInput
from workers.bench.row import Row

BENCHES = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name.startswith("bench_")))


def run_benches(names: list[str], *, quick: bool = False) -> list[Row]:
    """Run the benchmarks of these names, or all. Raises BadInput for an unknown name."""
    known = {name.removeprefix("bench_"): name for name in BENCHES}
    for name in names:
        if name not in known:
            raise BadInput(f"there is no bench {name[:80]!r}; allowed are {', '.join(known)}")
    rows: list[Row] = []
    for name in names or known:
        result = import_module(f"{__name__}.{known[name]}").run(quick=quick)
        rows.extend(result if isinstance(result, list) else [result])
    return rows
