"""Which column of a table, or key of a description, is the class of a picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from core.datasets.labeled import Wanted, checked_class
from core.errors import BadInput
from core.networks.tables import IMAGENET_CLASSES
from core.networks.tables import class_names as classes_of

LABEL = "label"
NAMES = (
    LABEL, "labels", "fine_label", "coarse_label", "class", "classes", "class_name", "class_id", "cls", "category",
    "category_id", "target", "targets", "y",
)  # fmt: skip
"""Names under which data set libraries keep the class."""
ENDINGS = ("_label", "_class")
FINE, COARSE = "fine_label", "coarse_label"
"""CIFAR-100's two: its 100 classes are the finer ones."""
NONE = "none"
"""Wanted in place of a column: the pictures have no class."""
OPTION = "the label column (gazegrid data add --label-column)"
"""How a reader chooses the column; the page Data has a field of this name."""
MAX_CLASSES = 200_000
MAX_COLUMNS = 1000
OTHERS = frozenset({
    "id", "index", "idx", "key", "image_id", "img_id", "file_name", "filename", "file", "path", "image_path", "url",
    "width", "height", "original_width", "original_height", "size", "x0", "y0", "x1", "y1", "bbox", "boxes", "license",
    "split", "held_out", "format", "mode", "channels", "md5", "sha256", "hash", "status", "error_message", "exif",
})  # fmt: skip
"""Names of columns that are no class though they may repeat."""
CAPTIONS = frozenset({"text", "caption", "captions", "prompt", "description"})
"""Names of columns that may be a class only where most values repeat."""
FEW = 10
"""Up to so many different values, a column may be a class even where none repeats."""


def label_column(columns: Sequence[str], where: str, wanted: Wanted, declared: Collection[str] = ()) -> str | None:
    """The column of the class; None where no name tells one. Raises BadInput where several could be meant.

    `declared`: the columns that the table itself declares to be classes.
    """
    if wanted.label_column == NONE:
        return None
    if wanted.label_column:
        if wanted.label_column not in columns:
            raise BadInput(f"{where} has no column {wanted.label_column[:80]!r}, it has {column_list(columns)}")
        return wanted.label_column
    by_name = {name.lower(): name for name in columns}
    candidates = [name for name in columns if name in declared] or candidates_of(columns)
    if LABEL in by_name:
        return by_name[LABEL]
    if {name.lower() for name in candidates} == {FINE, COARSE}:
        return by_name[FINE]
    if len(candidates) > 1:
        raise BadInput(
            f"{where} has several columns that could be the class, {column_list(candidates)}: choose {OPTION}"
        )
    return candidates[0] if candidates else None


def candidates_of(columns: Iterable[str]) -> list[str]:
    """The columns that are named like a class."""
    return [name for name in columns if name.lower() in NAMES or name.lower().endswith(ENDINGS)]


def refuse_unnamed_classes(values: Mapping[str, Sequence[Any]], where: str, wanted: Wanted) -> None:
    """Raise BadInput where a column of no known name could be the class, as its values repeat."""
    if wanted.label_column == NONE:
        return
    if suspects := [name for name, cells in values.items() if _may_be_classes(name, cells)]:
        raise BadInput(
            f"{where} has no column that is named like a class, such as label, but {column_list(suspects)} may be one: "
            f"choose {OPTION}, or {NONE!r} there"
        )


def may_be_class(name: str) -> bool:
    """Whether a column of this name can be one that `refuse_unnamed_classes` must look at."""
    return name.lower() not in OTHERS and not name.startswith("__")


def _may_be_classes(name: str, cells: Sequence[Any]) -> bool:
    """Whether the values are texts or whole numbers, at least two different ones, and few or mostly repeated.

    Missing ones do not count; where some are, data frames keep whole numbers as floats.
    """
    known = [cell for cell in cells if cell is not None and cell == cell]  # noqa: PLR0124  NaN is not
    if not all(isinstance(cell, str | int) or (isinstance(cell, float) and cell.is_integer()) for cell in known):
        return False
    few = 0 if name.lower() in CAPTIONS else FEW
    return 2 <= len(set(known)) <= max(len(known) / 2, few)


def refuse_choice(wanted: Wanted, where: str) -> None:
    """Raise BadInput where a column was chosen for a layout that has none."""
    if wanted.label_column not in ("", NONE):
        raise BadInput(f"{where} has no columns, of which {wanted.label_column[:80]!r} could be the class")


def check_columns(columns: Sequence[str], where: str) -> None:
    """Raise BadInput for too many columns."""
    if len(columns) > MAX_COLUMNS:
        raise BadInput(f"{where} must have at most {MAX_COLUMNS} columns, got {len(columns):,}")


def class_of(label: object, names: Sequence[str], where: str) -> str:
    """The class name of a label, which is an index or a text. Raises BadInput.

    `names`: the declared classes, by index; without any, an index is its own name.
    """
    if isinstance(label, str) and (not names or label in names):
        return checked_class(label, where)
    if isinstance(label, str) or not isinstance(label, int) or label < 0 or (names and label >= len(names)):
        allowed = f"a whole number from 0 to {len(names) - 1}" if names else "a whole number from 0, or a text"
        also = " or the name of a class" if names and isinstance(label, str) else ""
        hint = "; -1 stands for no class: leave its file out" if label == -1 else ""
        raise BadInput(f"the label of {where} must be {allowed}{also}, got {str(label)[:40]}{hint}")
    return names[label] if names else str(label)


def column_list(columns: Sequence[str], most: int = 8) -> str:
    """`image, label and 3 more`."""
    listed = ", ".join(name[:40] for name in columns[:most])
    return f"{listed} and {len(columns) - most} more" if len(columns) > most else listed or "none"


def chosen(column: str | None, columns: Sequence[str]) -> str:
    """The column, if it is to be shown: where it has another name than `label`, or others could have been meant."""
    if column is None or (column == LABEL and len(candidates_of(columns)) < 2):
        return ""
    return column


def declared_names(declared: Any, where: str) -> tuple[str, ...]:
    """Unique class names, by index, from a list of names or of `{name, wnid}`, or from a table of indices and those.

    Raises BadInput. `where` declares them.
    """
    if isinstance(declared, Mapping):
        declared = _in_order(declared, where)
    if not isinstance(declared, list | tuple) or len(declared) > MAX_CLASSES:
        raise BadInput(
            f"the class names of {where} must be a list of at most {MAX_CLASSES:,} names, or a table of indices and "
            f"names, got {str(declared)[:40]!r}"
        )
    names = tuple(_class_name(entry, f"class {index} of {where}") for index, entry in enumerate(declared))
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise BadInput(f"the class names of {where} must be unique, got {repeated[0][:80]!r} more than once")
    return names


def _in_order(table: Mapping[Any, Any], where: str) -> list[Any]:
    """The values of a table whose names are the indices 0, 1, ..., or that gives those for each name."""
    for pairs in (table.items(), [(index, name) for name, index in table.items()]):
        indices = {int(index): name for index, name in pairs if re.fullmatch("[0-9]{1,6}", str(index))}
        if sorted(indices) == list(range(len(table))):
            return [indices[index] for index in range(len(table))]
    raise BadInput(f"the class names of {where} must have the indices 0 to {len(table) - 1}, each once")


def _class_name(entry: Any, where: str) -> str:
    """A class name, with its WordNet id where ImageNet has several classes of that name."""
    if not isinstance(entry, Mapping):
        return checked_class(entry, where)
    name = checked_class(entry.get("name"), where)
    unique = f"{name} ({entry.get('wnid')})"
    return unique if unique in classes_of(IMAGENET_CLASSES) else name
