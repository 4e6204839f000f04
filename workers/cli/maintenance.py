"""`gazegrid fsck` and `gazegrid bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import StoreUnreadable
from core.store.fsck import check, repair
from workers.cli.arguments import Json
from workers.cli.console import current_store, fail, print_json, print_line

DAMAGED, UNREADABLE = 1, 4
"""Exit statuses of `fsck`."""


def fsck(
    mend: Annotated[bool, typer.Option("--repair", help="Set damaged files aside; they are computed again.")] = False,
    json_: Json = False,
) -> None:
    """Check every stored file against its checksum. Exit status 0 sound, 1 damaged, 2 bad usage, 4 unreadable."""
    try:
        store = current_store()
        problems = repair(store) if mend else list(check(store))
    except StoreUnreadable as error:
        fail(str(error), UNREADABLE)
    if json_:
        print_json([{"kind": p.kind, "name": p.name, "reason": p.reason, "repaired": mend} for p in problems])
    else:
        for problem in problems:
            print_line(f"{problem.kind} {problem.name}: {problem.reason}{' (set aside)' if mend else ''}")
        print_line(f"{len(problems)} damaged" if problems else "sound")
    raise typer.Exit(DAMAGED if problems and not mend else 0)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAMES", help="Names of benchmarks. Default: all.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few steps: tests that it runs, not how fast.")] = False,
    json_: Json = False,
) -> None:
    """Measure speed as ratios within one run. Exit status 1 if a target is missed."""
    from workers.bench import run_benches  # noqa: PLC0415  torch takes seconds, and only this command needs it

    rows = run_benches(names or [], quick=quick)
    if json_:
        print_json(rows)
    else:
        for row in rows:
            verdict = "holds" if row["holds"] else "FAILS"
            print_line(f"{row['name']:14} {row['ratio']:8.3f}  target {row['target']:<8g} {verdict}  {row['detail']}")
    raise typer.Exit(0 if all(row["holds"] for row in rows) else 1)
