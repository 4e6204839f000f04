"""`gazegrid data`: list, add and show data sets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.datasets.digits import DIGITS
from core.datasets.files import read_dataset
from core.datasets.record import DatasetRecord, default_name
from core.display.wording import quantity
from core.store.sources import known_dataset
from workers.cli.arguments import HeldOut, Json
from workers.cli.console import current_store, print_json, print_line
from workers.cli.dataset_arguments import existing_paths, origin

JOINER = "\u200d"
"""Joins emoji to one."""
data_app = typer.Typer(no_args_is_help=True, help="List, add and show data sets.", rich_markup_mode="rich")


@data_app.command("list")
def data_list(json_: Json = False) -> None:
    """List the data sets of the store, newest first."""
    store = current_store()
    known_dataset(DIGITS, store)  # built in: written to the store when it is first listed
    listed = store.inputs.datasets()
    if json_:
        print_json([_summary(digest, record) for digest, record in listed])
        return
    for digest, record in listed:
        counts = f"{record.pictures:9,} pictures {len(record.classes):6,} classes  {record.size}" if record else ""
        print_line(f"{digest[:12]}  {record.name if record else '':30} {counts}".rstrip())


@data_app.command("add")
def data_add(
    paths: Annotated[
        str,
        typer.Argument(metavar="PATHS", help="Comma-separated folders, .zip, .tar, .tar.gz or .parquet files."),
    ],
    held_out: HeldOut = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the data set. Default: the names of the files.")
    ] = "",
    label_column: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Column, or key, of the class in tables and metadata; `none`: no classes. Default: found by its name.",
        ),
    ] = "",
    json_: Json = False,
) -> None:
    """Add a data set to the store, completely or not at all. Classes are optional."""
    store = current_store()
    sources = existing_paths(paths)
    dataset = read_dataset(sources, existing_paths(held_out), labeled=False, label_column=label_column)
    digest = store.inputs.put_dataset(dataset, name or default_name([path.name for path in sources]), origin(sources))
    record = store.inputs.rename_dataset(digest, name) if name else store.inputs.dataset_record(digest)
    if json_:
        print_json(record.document())
        return
    size = f"{quantity(record.pictures, 'picture')}, {quantity(len(record.classes), 'class')}"
    counts = f"{size}, {record.held_out:,} held out"
    print_line(f"{record.title}: {counts}")
    if dataset.label_column:
        print_line(f"classes from {dataset.label_column}")
    print_line(digest)


@data_app.command("show")
def data_show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the data set, its digest, or the digest's first digits.")
    ],
    json_: Json = False,
) -> None:
    """Show source, size and classes of a data set."""
    store = current_store()
    record = store.inputs.dataset_record(known_dataset(name, store)[0])
    if json_:
        print_json(record.document())
        return
    facts = {
        "name": record.name, "digest": record.digest, "source": record.source, "added": record.added,
        "pictures": f"{record.pictures:,}", "held out": f"{record.held_out:,}", "size": record.size,
        "boxes": f"{record.boxes:,}",
    }  # fmt: skip
    for label, value in facts.items():
        print_line(f"{label:10} {value}".rstrip())
    for one in record.classes:
        print_line(f"  {_printable(one.name):40} {one.training:7,} for training {one.held_out:7,} held out")


def _printable(text: str) -> str:
    """A class name from an unknown file, with `?` in place of control characters."""
    return "".join(letter if letter.isprintable() or letter == JOINER else "?" for letter in text)


def _summary(digest: str, record: DatasetRecord | None) -> dict[str, Any]:
    """A data set as `gazegrid data list --json` prints it; null in all fields without a record."""
    if record is None:
        return dict.fromkeys((*DatasetRecord.model_fields, "pictures", "training", "held_out")) | {"digest": digest}
    return record.document() | {"classes": len(record.classes)}
