"""`gazegrid study`: a grid of many pictures, and the findings of the page Findings."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import BadInput
from core.findings.conclusions import Conclusion, conclusions
from core.findings.study import findings, to_bytes
from core.findings.study import study as study_comparison
from core.jobs.spec import checked_seed
from core.measures.intervals import MIN_PICTURES
from core.methods import make_method
from workers.cli.arguments import (
    Data,
    HeldOut,
    Inline,
    Json,
    Networks,
    NumbersFile,
    Seed,
    comma_separated,
    parse_parameter,
)
from workers.cli.console import current_store, print_caveat, print_json, print_line, write_numbers
from workers.cli.dataset_arguments import labeled_dataset
from workers.cli.grid_run import run_grid
from workers.cli.reports import failed


def study(  # noqa: PLR0913, PLR0917  each is a flag
    networks: Networks,
    data: Data,
    held_out: HeldOut = "",
    pictures: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help=f"Number of held-out pictures, at least {MIN_PICTURES}, balanced over classes."
        ),
    ] = 100,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of detail search; repeatable."),
    ] = None,
    seed: Seed = 0,
    inline: Inline = False,
    numbers: NumbersFile = None,
    json_: Json = False,
) -> None:
    """Compare networks over many held-out pictures, and print the findings. Exit status 1 if a cell failed.

    Computes detail search and patch shuffle; the page Findings shows the same grid.
    """
    if pictures < MIN_PICTURES:
        raise BadInput(f"pictures must be at least {MIN_PICTURES}, got {pictures}")
    parameters = dict(map(parse_parameter, set_ or ()))
    make_method("detail_search", parameters)  # refuses a bad parameter before a gigabyte is read
    store = current_store()
    dataset = labeled_dataset(data, held_out, store)
    comparison = study_comparison(dataset, comma_separated(networks), pictures, store, checked_seed(seed), parameters)
    reports = run_grid(comparison, store, inline=inline)
    measured = findings(comparison, store)
    write_numbers(numbers, to_bytes(measured))
    print_caveat(measured.caveat)
    results = conclusions(measured)
    if json_:
        print_json({"grid": comparison.key, "conclusions": [vars(conclusion) for conclusion in results]})
    else:
        _print_conclusions(results)
        print_line(f"grid {comparison.key}")
    raise typer.Exit(1 if failed(reports) else 0)


def _print_conclusions(results: list[Conclusion]) -> None:
    for conclusion in results:
        print_line(f"{conclusion.claim} {conclusion.verdict.capitalize()}.\n    {conclusion.reason}")
