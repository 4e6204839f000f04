"""Arguments and options that several commands share, and how their values are parsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BadInput
from core.media import file_names

OUTPUT_PANEL = "Execution and output"

Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document and nothing else.", rich_help_panel=OUTPUT_PANEL),
]
Inline = Annotated[
    bool,
    typer.Option(
        "--inline", help="Compute in this process instead of the queue's workers.", rich_help_panel=OUTPUT_PANEL
    ),
]
NumbersFile = Annotated[
    Path | None,
    typer.Option(
        "--numbers", metavar="FILE", help="Also write all numbers to this JSON file.", rich_help_panel=OUTPUT_PANEL
    ),
]
Networks = Annotated[
    str, typer.Option(metavar="A,B", help="Comma-separated network names; `gazegrid networks` lists them.")
]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Seed of all random numbers, 0 to 2147483647.")]
Data = Annotated[
    str,
    typer.Option(
        metavar="PATHS",
        help="Name or digest of a stored data set (`gazegrid data list`), or comma-separated paths of folders, .zip, "
        ".tar, .tar.gz or .parquet files. A path with a comma must be in double quotes.",
    ),
]
HeldOut = Annotated[
    str,
    typer.Option(
        metavar="PATHS",
        help="Paths of held-out pictures. Default: the folder `val` of the data, else a tenth of the pictures.",
    ),
]


def comma_separated(text: str) -> tuple[str, ...]:
    """The parts of a list such as `a, b`, without empty parts and repeats; a part in double quotes may have commas.

    Raises BadInput.
    """
    return tuple(dict.fromkeys(file_names.comma_separated(text)))


def parse_parameter(text: str) -> tuple[str, Any]:
    """(name, value) of `steps=100` or `wanted={"tabby": 1}`; a value in braces or brackets is JSON. Raises BadInput."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"a parameter must be NAME=VALUE, got {text[:80]!r}")
    if value.startswith(("{", "[")):
        try:
            return name, json.loads(value)
        except ValueError:
            raise BadInput(f"{name} must be valid JSON, got {value[:80]!r}") from None
    return name, value
