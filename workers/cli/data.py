"""`gazegrid data`: list, add and show data sets; and how other commands are given one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.datasets.dataset import Dataset
from core.datasets.digits import DIGITS
from core.datasets.files import read_dataset
from core.datasets.record import DatasetRecord, default_name
from core.errors import BadInput
from core.store.sources import known_dataset
from core.store.store import Store
from workers.cli.console import Json, print_json, say, this_store

Data = Annotated[
    str,
    typer.Option(
        metavar="PATHS",
        help="A folder of class folders or of MNIST's files, a .zip of one, or .parquet files with image and label, "
        "commas between; or the name or digest of a data set that `gazegrid data list` shows.",
    ),
]
HeldOut = Annotated[
    str, typer.Option(metavar="PATHS", help="The same, to measure with; default: `val` of the data, else a tenth.")
]

data_app = typer.Typer(no_args_is_help=True, help="Data sets: pictures to learn from.", rich_markup_mode=None)


@data_app.command("list")
def data_list(json_: Json = False) -> None:
    """List the data sets of this store, the newest first."""
    store = this_store()
    known_dataset(DIGITS, store)  # there from the start
    listed = store.datasets()
    if json_:
        print_json([_summary(digest, record) for digest, record in listed])
        return
    for digest, record in listed:
        numbers = f"{record.pictures:9,} pictures {len(record.classes):6,} classes  {record.size}" if record else ""
        say(f"{digest[:12]}  {record.name if record else '':30} {numbers}".rstrip())


@data_app.command("add")
def data_add(
    paths: Annotated[str, typer.Argument(metavar="PATHS", help="Folders, zips or parquet files, commas between.")],
    held_out: HeldOut = "",
    name: Annotated[str, typer.Option(help="What to call it; default: as the files are called.")] = "",
    json_: Json = False,
) -> None:
    """Put a data set into the store, all of it or nothing; pictures without classes will do."""
    store = this_store()
    sources = paths_of(paths)
    dataset = read_dataset(sources, paths_of(held_out), labeled=False)
    digest = store.put_dataset(dataset, name or default_name([path.name for path in sources]), _origin(sources))
    record = store.rename_dataset(digest, name) if name else store.dataset_record(digest)
    if json_:
        print_json(record.document())
        return
    say(f"{record.title}: {record.pictures:,} pictures, {len(record.classes):,} classes, {record.held_out:,} held out")
    say(digest)


@data_app.command("show")
def data_show(
    name: Annotated[str, typer.Argument(help="Its name, its digest, or how the digest begins.")], json_: Json = False
) -> None:
    """Show what is in a data set."""
    store = this_store()
    record = store.dataset_record(known_dataset(name, store)[0])
    if json_:
        print_json(record.document())
        return
    facts = {
        "name": record.name, "digest": record.digest, "source": record.source, "added": record.added,
        "pictures": f"{record.pictures:,}", "held out": f"{record.held_out:,}", "size": record.size,
        "boxes": f"{record.boxes:,}",
    }  # fmt: skip
    for what, value in facts.items():
        say(f"{what:10} {value}".rstrip())
    for one in record.classes:
        say(f"  {_printable(one.name):40} {one.training:7,} to learn from {one.held_out:7,} held out")


def given_dataset(
    data: str, held_out: str, store: Store, *, only_measured: bool = False, boxes: bool = False
) -> Dataset:
    """The labeled pictures that a command was given: paths, or a data set of the store by name or digest.

    `only_measured`: whatever lies at the paths is held out. Raises BadInput, BadPicture, Damaged.
    """
    if not held_out and (dataset := named_dataset(data, store)):
        return dataset
    paths = paths_of(data)
    if only_measured:
        return read_dataset([], paths, boxes=boxes)
    return read_dataset(paths, paths_of(held_out), boxes=boxes)


def named_dataset(data: str, store: Store) -> Dataset | None:
    """The data set of the store that is called so; None for a path. Raises BadInput where it is neither."""
    if len(_listed(data)) != 1 or _there(data):
        return None
    try:
        digest, _ = known_dataset(data.strip(), store)
    except BadInput as error:
        raise BadInput(f"{error}, and no such file or folder") from None
    return store.dataset(digest)


def kept(dataset: Dataset, data: str, store: Store) -> str:
    """The data set's digest, once it is in the store; a new one is called after the paths that it was read from."""
    paths = _there(data)
    return store.put_dataset(dataset, default_name([path.name for path in paths]), _origin(paths))


def _printable(text: str) -> str:
    """A class' name from a stranger's file, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _origin(paths: list[Path]) -> str:
    return f"read from {', '.join(path.name for path in paths)}" if paths else ""


def _there(text: str) -> list[Path]:
    """Of the paths in a text with commas between, those that are there."""
    return [path for path in (Path(part).expanduser() for part in _listed(text)) if path.exists()]


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def paths_of(text: str) -> list[Path]:
    """The paths in a text with commas between. Raises BadInput where there is nothing."""
    paths = [Path(part).expanduser() for part in _listed(text)]
    for path in paths:
        if not path.exists():
            raise BadInput(f"there is no {str(path)[:200]!r}")
    return paths


def _summary(digest: str, record: DatasetRecord | None) -> dict[str, Any]:
    """What the list tells a program; null where a data set has no record yet."""
    if record is None:
        return dict.fromkeys((*DatasetRecord.model_fields, "pictures", "training", "held_out")) | {"digest": digest}
    return record.document() | {"classes": len(record.classes)}
