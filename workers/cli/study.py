"""`gazegrid study`: the grid of many pictures that the page Findings is made of; and how a command computes a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BadInput
from core.findings.conclusions import conclusions
from core.findings.study import LEAST_PICTURES, findings, study, to_bytes
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_seed
from core.methods import make_method
from core.queue.queue import JobQueue, connect
from core.settings import get_settings
from core.store.store import Store
from workers.cli.console import Json, parameter_from, print_json, say, this_store
from workers.cli.data import Data, HeldOut, given_dataset
from workers.cli.grid_run import run_queued


def make_study(  # noqa: PLR0913, PLR0917  each is a flag
    networks: Annotated[str, typer.Option(help="Names of networks, with commas between.")],
    data: Data,
    held_out: HeldOut = "",
    pictures: Annotated[int, typer.Option(help=f"How many, at least {LEAST_PICTURES}; each class as often.")] = 100,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of detail search.")
    ] = None,
    seed: Annotated[int, typer.Option(help="0 to 2147483647; decides which pictures.")] = 0,
    inline: Annotated[bool, typer.Option("--inline", help="Compute in this process, without a queue.")] = False,
    numbers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all numbers there, as JSON, without the pictures.")
    ] = None,
    json_: Json = False,
) -> None:
    """Compute detail search and patch shuffle over held-out pictures, and say what they show of the networks."""
    if pictures < LEAST_PICTURES:
        raise BadInput(f"a study needs at least {LEAST_PICTURES} pictures, got {pictures}")
    names = tuple(name.strip() for name in networks.split(",") if name.strip())
    parameters = dict(parameter_from(text) for text in set_ or ())
    make_method("detail_search", parameters)  # a bad parameter is told before a gigabyte is read
    store = this_store()
    dataset = given_dataset(data, held_out, store)
    comparison = study(dataset, names, pictures, store, checked_seed(seed), parameters)
    reports = computed(comparison, store, inline=inline)
    found = findings(comparison, store)
    if numbers is not None:
        numbers.write_bytes(to_bytes(found))
    said = conclusions(found)
    if json_:
        print_json({"grid": comparison.key, "conclusions": [vars(conclusion) for conclusion in said]})
    else:
        for conclusion in said:
            say(f"{conclusion.claim} {conclusion.verdict.capitalize()}.\n    {conclusion.reason}")
        say(f"grid {comparison.key}")
    raise typer.Exit(1 if any(report["state"] == "failed" for report in reports) else 0)


def computed(comparison: Comparison, store: Store, *, inline: bool) -> list[dict[str, Any]]:
    """The grid's cells, computed in this process or by the workers; a report of each."""
    settings = get_settings()
    if inline:
        from workers.cli.inline import run_inline  # noqa: PLC0415  torch takes seconds, and only this needs it

        return run_inline(comparison, store, settings.device)
    return run_queued(comparison, store, JobQueue(connect(settings), settings))
