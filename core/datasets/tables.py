"""Parquet tables as data set libraries write them: a column of pictures, and mostly one of classes.

The class names are in `classes.json` beside the table, or in its schema's metadata under whatever column they stand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.datasets.dataset import BOX
from core.datasets.label_column import (
    OPTION,
    check_columns,
    chosen,
    class_of,
    column_list,
    declared_names,
    label_column,
    may_be_class,
    refuse_unnamed_classes,
)
from core.datasets.labeled import PARTS, UNKNOWN, UNLABELED, LabeledPicture, Reading, Wanted, checked_box
from core.errors import BadInput

IMAGES = ("image", "img")
"""Names of the column of pictures."""
BATCH = 256
"""Rows that are read at once."""
BYTES, TEXTS = {"binary", "large_binary", "binary_view"}, {"string", "large_string", "string_view"}
"""Names of Arrow's types."""
SPLIT, HELD_OUT = "split", "held_out"
"""Columns of a picture's part: `train`, `test` and so on, or whether it is held out."""

Opened = Callable[[], IO[bytes]]
"""Opens a table."""
Beside = Callable[[str], bytes | None]
"""Path that a row names, relative to its table -> content of that file; None where there is none."""


@dataclass(frozen=True)
class Columns:
    """The columns that are read, and what labels mean."""

    image: str
    label: str | None
    names: tuple[str, ...]
    """Declared class names, by index."""
    others: tuple[str, ...]
    """Those of the box and of the part, as far as the table has them and they are wanted."""

    @property
    def all(self) -> list[str]:
        """All columns to read."""
        return [self.image, *filter(None, (self.label,)), *self.others]


def table_reading(
    opened: Opened, name: str, wanted: Wanted, beside: Beside, names: tuple[str, ...] | None = None
) -> Reading:
    """The pictures of a parquet file in order of its rows. Raises BadInput.

    `names`: the class names that are declared beside it; None: those that it declares itself.
    """
    with opened() as file:
        table = pq.ParquetFile(file)
        columns = _columns(table, name, wanted, names)
        column = chosen(columns.label, table.schema_arrow.names)
    return Reading(_pictures(opened, columns, name, beside), columns.names, column)


def _columns(table: pq.ParquetFile, name: str, wanted: Wanted, names: tuple[str, ...] | None) -> Columns:
    schema = table.schema_arrow
    if repeated := [column for column, times in Counter(schema.names).items() if times > 1]:
        raise BadInput(f"{name} must have columns of different names, got {repeated[0][:40]!r} more than once")
    check_columns(schema.names, name)
    features = _features(schema, name)
    image = _image_column(schema, features, name)
    declared = {column: feature["names"] for column, feature in features.items() if "names" in feature}
    label = label_column(schema.names, name, wanted, declared.keys() & set(schema.names))
    if label is None and wanted.labeled:
        raise BadInput(
            f"{name} must have a column of pictures, such as {IMAGES[0]}, and one of classes, such as label; it has "
            f"{column_list(schema.names)}: choose {OPTION}"
        )
    if label is None:
        _refuse_unnamed_classes(table, image, name, wanted)
    elif pa.types.is_nested(schema.field(label).type):
        raise BadInput(f"the column {label[:40]} of {name} must hold one class for each picture, it holds lists")
    if names is None:
        names = _names_of(schema, declared, label, name)
    boxes = BOX if wanted.boxes and set(BOX) <= set(schema.names) else ()
    parts = [column for column in (SPLIT, HELD_OUT) if column in schema.names and column != label]
    return Columns(image, label, names if label else (), (*boxes, *parts))


def _features(schema: pa.Schema, name: str) -> dict[str, Mapping[str, Any]]:
    """Column -> what data set libraries say of it; empty where the table was written by none. Raises BadInput."""
    content = (schema.metadata or {}).get(b"huggingface")
    if content is None:
        return {}
    try:
        features = json.loads(content).get("info", {}).get("features", {})
        return {column: feature for column, feature in features.items() if isinstance(feature, dict)}
    except (ValueError, AttributeError, RecursionError):
        raise BadInput(f"the metadata of {name} cannot be read") from None


def _names_of(schema: pa.Schema, declared: Mapping[str, Any], label: str | None, name: str) -> tuple[str, ...]:
    """The class names that a table declares for its column `label`; empty if it declares none. Raises BadInput."""
    if label is not None and label in declared:
        return declared_names(declared[label], name)
    own = (schema.metadata or {}).get(b"class_names")  # of a data set that Gazegrid stored
    if own is None or label is None:
        return ()
    try:
        return declared_names(json.loads(own), name)
    except (ValueError, RecursionError):
        raise BadInput(f"the class names of {name} cannot be read") from None


def _image_column(schema: pa.Schema, features: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """The column of pictures: by its name, else the only one of encoded pictures. Raises BadInput."""
    named = [column for column in schema.names if column.lower() in IMAGES]
    typed = [
        column
        for column in schema.names
        if features.get(column, {}).get("_type") == "Image" or _holds_files(schema.field(column).type)
    ]
    candidates = named or typed
    if len(candidates) != 1:
        found = f"several, {column_list(candidates)}" if candidates else f"none among {column_list(schema.names)}"
        raise BadInput(f"{name} must have one column of pictures, such as {IMAGES[0]} or {IMAGES[1]}; it has {found}")
    column: str = candidates[0]
    if not _may_hold_files(schema.field(column).type):
        raise BadInput(
            f"the column {column} of {name} must hold encoded picture files, it holds {schema.field(column).type}"[:300]
        )
    return column


def _holds_files(kind: Any) -> bool:
    """Whether values are bytes, or bytes with a path as data set libraries write them."""
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    return str(kind) in BYTES


def _may_hold_files(kind: Any) -> bool:
    """The same, or paths alone, or nothing."""
    if pa.types.is_dictionary(kind):
        return _may_hold_files(kind.value_type)
    if pa.types.is_struct(kind):
        return any(field.name in ("bytes", "path") for field in kind)
    return str(kind) in BYTES | TEXTS | {"null"}


def _refuse_unnamed_classes(table: pq.ParquetFile, image: str, name: str, wanted: Wanted) -> None:
    """Raise BadInput where a column of no known name could be the class."""
    columns = [column for column in table.schema_arrow.names if column != image and may_be_class(column)]
    plain = [column for column in columns if not pa.types.is_nested(table.schema_arrow.field(column).type)]
    values = {column: table.read([column])[column].to_pylist() for column in plain}
    refuse_unnamed_classes(values, name, wanted)


def _pictures(opened: Opened, columns: Columns, name: str, beside: Beside) -> Iterator[LabeledPicture]:
    with opened() as file:
        batches = pq.ParquetFile(file).iter_batches(batch_size=BATCH, columns=columns.all)
        rows = (cells for batch in batches for cells in batch.to_pylist())
        for row, cells in enumerate(rows, 1):
            where = f"row {row} of {name}"
            data = _bytes_of(cells[columns.image], where, beside)
            label = class_of(cells[columns.label], columns.names, where) if columns.label else UNLABELED
            box = checked_box([cells[side] for side in BOX], where) if BOX[0] in columns.others else UNKNOWN
            yield LabeledPicture(where, data, label, _is_held_out(cells, columns.others, where), box)


def _bytes_of(image: object, where: str, beside: Beside) -> bytes:
    """The encoded picture in a cell: bytes, {bytes, path} as data set libraries write, or a path. Raises BadInput."""
    data, path = (image.get("bytes"), image.get("path")) if isinstance(image, dict) else (image, None)
    if isinstance(data, str):
        data, path = None, data
    if isinstance(data, bytes):
        return data
    if not isinstance(path, str) or not path:
        raise BadInput(f"{where} has no picture")
    if (content := beside(path)) is None:
        raise BadInput(f"{where} has no picture: it names the file {path[:200]!r}, which is not beside the table")
    return content


def _is_held_out(cells: Mapping[str, Any], others: Sequence[str], where: str) -> bool:
    """Whether the columns of the part say that a picture is held out. Raises BadInput."""
    if HELD_OUT in others:
        if not isinstance(held_out := cells[HELD_OUT], bool):
            raise BadInput(f"{HELD_OUT} of {where} must be true or false, got {str(held_out)[:40]!r}")
        return held_out
    return split_is_held_out(cells[SPLIT], where) if SPLIT in others else False


def split_is_held_out(split: object, where: str) -> bool:
    """Whether the part of this name is held out. Raises BadInput for an unknown one."""
    if str(split).lower() not in PARTS:
        raise BadInput(f"the {SPLIT} of {where} must be one of {', '.join(PARTS)}, got {str(split)[:40]!r}")
    return PARTS[str(split).lower()]
