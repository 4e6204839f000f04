"""Classes of pictures from `metadata.csv`, `.jsonl` or `.parquet` beside them, as Hugging Face's image folders have.

Each row names a picture by `file_name`, relative to the metadata's folder.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from core.datasets.file_tree import FileTree
from core.datasets.label_column import (
    check_columns,
    chosen,
    class_of,
    column_list,
    label_column,
    may_be_class,
    refuse_unnamed_classes,
)
from core.datasets.labeled import UNLABELED, LabeledPicture, Reading, Wanted, part_of_folder
from core.datasets.tables import SPLIT, split_is_held_out
from core.errors import BadInput

FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"
MAX_ROWS = 10_000_000

Row = dict[str, Any]


class Entry(NamedTuple):
    """A picture's row, and where it stands."""

    row: Row
    where: str


def metadata_files(tree: FileTree, *, classes_told: bool) -> list[str]:
    """Paths of the metadata files; where folders tell the classes, only of those that name pictures."""
    files = [name for name in tree.names if PurePosixPath(name).name.lower() in FILES]
    return [name for name in files if not classes_told or _names_pictures(tree, name)]


def _names_pictures(tree: FileTree, file: str) -> bool:
    """Whether a metadata file has the column of pictures, by its head."""
    if file.lower().endswith(".parquet"):
        with tree.open(file) as opened:
            return FILE_NAME in pq.read_schema(opened).names
    return FILE_NAME in tree.text(file).partition("\n")[0]


def metadata_reading(
    tree: FileTree, files: Sequence[str], wanted: Wanted, names: tuple[str, ...], *, classes_told: bool
) -> Reading | None:
    """The pictures that the metadata name, in order of their names. Raises BadInput.

    None where the metadata tell no class, but the pictures' folders do, `classes_told`.
    """
    rows = {file: list(_rows(tree, file)) for file in files}
    columns = list(dict.fromkeys(column for entries in rows.values() for entry in entries for column in entry.row))
    where = " and ".join(files[:3])[:200]
    check_columns(columns, where)
    label = label_column(columns, where, wanted)
    if label is None and classes_told:
        return None
    if label is None and wanted.labeled:
        raise BadInput(f"{where} must have a column of classes, such as label; it has {column_list(columns)}")
    if label is None:
        refuse_unnamed_classes(_values(rows, columns), where, wanted)
    entries = _by_picture(tree, rows)
    pictures = _labeled(tree, entries, label, names)
    return Reading(pictures, names if label else (), chosen(label, columns))


def _values(rows: Mapping[str, Sequence[Entry]], columns: Sequence[str]) -> dict[str, list[Any]]:
    """The values of the columns that could be classes."""
    every = [entry.row for entries in rows.values() for entry in entries]
    return {column: [row.get(column) for row in every] for column in columns if may_be_class(column)}


def _labeled(
    tree: FileTree, entries: Mapping[str, Entry], label: str | None, names: tuple[str, ...]
) -> Iterator[LabeledPicture]:
    for name in tree.pictures:
        row, where = entries[name]
        text = UNLABELED if label is None else class_of(_index_or_text(row.get(label), names), names, where)
        held_out = split_is_held_out(row[SPLIT], where) if SPLIT in row and label != SPLIT else part_of_folder(name)
        yield LabeledPicture(name, tree.picture(name), text, bool(held_out))


def _index_or_text(label: object, names: Sequence[str]) -> object:
    """A label, as an index where classes are declared and a text file gives the index."""
    return int(label) if names and isinstance(label, str) and label.isdecimal() and label not in names else label


def _by_picture(tree: FileTree, rows: Mapping[str, Sequence[Entry]]) -> dict[str, Entry]:
    """Path of each picture -> its row. Raises BadInput unless each has one, and each row a picture."""
    pictures = set(tree.pictures)
    entries: dict[str, Entry] = {}
    for file, of_file in rows.items():
        folder = PurePosixPath(file).parent
        for entry in of_file:
            name = entry.row.get(FILE_NAME)
            if not isinstance(name, str) or not name:
                raise BadInput(f"{entry.where} must name a picture in {FILE_NAME}, got {str(name)[:40]!r}")
            path = folder / name.replace("\\", "/") if (folder / name).as_posix() not in pictures else folder / name
            if path.as_posix() not in pictures:
                raise BadInput(f"{entry.where} names the picture {name[:200]!r}, which is not in {tree.name}")
            if path.as_posix() in entries:
                raise BadInput(f"{entry.where} names the picture {name[:200]!r} a second time")
            entries[path.as_posix()] = entry
    if unnamed := sorted(pictures - entries.keys()):
        raise BadInput(f"the picture {unnamed[0][:200]!r} has no row in {' or '.join(list(rows)[:3])[:200]}")
    return entries


def _rows(tree: FileTree, file: str) -> Iterator[Entry]:
    """The rows of a metadata file. Raises BadInput."""
    ending = PurePosixPath(file).suffix.lower()
    read = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}[ending]
    yield from read(tree, file)


def _csv_rows(tree: FileTree, file: str) -> Iterator[Entry]:
    reader = csv.reader(io.StringIO(tree.text(file), newline=""), strict=True)
    try:
        columns = next(reader, [])
        _check_columns(columns, file)
        for cells in reader:
            where = f"line {reader.line_num} of {file[:200]}"
            if not cells:
                continue
            if len(cells) != len(columns):
                raise BadInput(f"{where} must have {len(columns)} values like its first line, got {len(cells)}")
            yield Entry(dict(zip(columns, cells, strict=True)), where)
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num} of {file[:200]} cannot be read: {error}") from None


def _check_columns(columns: Sequence[str], file: str) -> None:
    if FILE_NAME not in columns:
        raise BadInput(
            f"{file[:200]} must have a column {FILE_NAME}, with commas between columns; it has {column_list(columns)}"
        )
    if len(set(columns)) < len(columns):
        raise BadInput(f"{file[:200]} must have columns of different names, got {column_list(columns)}")


def _json_rows(tree: FileTree, file: str) -> Iterator[Entry]:
    for number, line in enumerate(tree.text(file).split("\n"), 1):
        where = f"line {number} of {file[:200]}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadInput(f"{where} must be a JSON object, got {line[:40]!r}")
        yield Entry(row, where)


def _parquet_rows(tree: FileTree, file: str) -> Iterator[Entry]:
    with tree.open(file) as opened:
        table = pq.ParquetFile(opened)
        _check_columns(table.schema_arrow.names, file)
        if table.metadata.num_rows > MAX_ROWS:
            raise BadInput(f"{file[:200]} has more than {MAX_ROWS:,} rows, which is the limit")
        rows = (row for batch in table.iter_batches() for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            yield Entry(row, f"row {number} of {file[:200]}")
