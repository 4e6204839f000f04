"""Data sets from files: folders, zips and tars of pictures, parquet tables, and MNIST's idx files.

A path is read as a tree of files (`file_tree.py`), in which one layout is recognized; each layout is a file of its own.
Reading is all or nothing: the first fault is an error that names the file or row.
"""

from __future__ import annotations

import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.datasets.dataset import Dataset, every_tenth
from core.datasets.file_tree import MAX_BYTES, TABLE, FileTree, archive_kind, archive_tree, folder_tree
from core.datasets.folders import folder_pictures, folders_tell_classes
from core.datasets.idx import CLOTHES, DIGITS, idx_files, labeled_pictures
from core.datasets.intake import kept
from core.datasets.label_column import declared_names, refuse_choice
from core.datasets.labeled import UNLABELED, LabeledPicture, Reading, Wanted, checked_class, part_of_file
from core.datasets.metadata import metadata_files, metadata_reading
from core.datasets.shards import pictures_of_shards, shards_of, tables_reading
from core.datasets.tables import table_reading
from core.datasets.webdataset import samples_of, webdataset_reading
from core.errors import BadInput

ALL = "all"
"""The only class of pictures without classes."""
CLASSES_FILE = "classes.json"
"""Class names by index, beside tables, tars or metadata."""
FORMATS = "a folder, a .zip, .tar or .tar.gz, or a .parquet file"

_UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, pa.ArrowException,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What the libraries raise for files that are damaged, encrypted or of another format."""


def read_dataset(
    paths: Sequence[Path],
    held_out: Sequence[Path] = (),
    *,
    boxes: bool = False,
    labeled: bool = True,
    label_column: str = "",
) -> Dataset:
    """A data set of the pictures at `paths`, for training, and of those at `held_out`, for validation.

    A path is a folder, an archive or a table in one of the layouts of docs/how-to/add-a-data-set.md. Where no picture
    is held out, a tenth of each class is; without `paths`, all are. Raises BadInput, BadPicture.

    Args:
        boxes: also read the objects' boxes, from the columns x0, y0, x1, y1, or from `boxes.json` in the folder.
        labeled: require at least two classes; else one class is enough, and unlabeled pictures are of the class `all`.
        label_column: column or key of the class, or `none`; by default it is found by its name.
    """
    wanted = Wanted(boxes=boxes, labeled=labeled, label_column=label_column)
    pictures: list[LabeledPicture] = []
    readings = []
    for path, measures in (*_with_parts(paths), *((path, True) for path in held_out)):
        with reading_at(path, wanted) as reading:
            read = kept(reading.pictures)
            pictures += (picture._replace(held_out=True) for picture in read) if measures else read
            readings.append(reading)
    names, labels = _classes(pictures, readings, _named([*paths, *held_out]), labeled=labeled)
    validation = np.array([picture.held_out for picture in pictures], np.bool_)
    if not validation.any():
        validation = every_tenth(labels)
    if paths and (validation.all() or not validation.any()):
        all_held_out = any(picture.held_out for picture in pictures)
        reason = "all pictures of {} are held out" if all_held_out else "{} has too few pictures"
        raise BadInput(f"a data set needs both training and held-out pictures: {reason.format(_named(paths))}")
    object_boxes = np.array([picture.box for picture in pictures], np.int32) if boxes else None
    column = next((reading.label_column for reading in readings if reading.label_column), "")
    data = [picture.data for picture in pictures]
    return Dataset(tuple(names), data, labels, validation, object_boxes, label_column=column)


def _with_parts(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Each path, and whether it is a file that is held out by its name, where others are for training by theirs."""
    parts = [None if path.is_dir() else part_of_file(path.name) for path in paths]
    both = {True, False} <= set(parts)
    return [(path, both and bool(part)) for path, part in zip(paths, parts, strict=True)]


def _classes(
    pictures: Sequence[LabeledPicture], readings: Sequence[Reading], source: str, *, labeled: bool
) -> tuple[list[str], NDArray[np.int64]]:
    """The class names, and the class index (N,) of each picture. Raises BadInput."""
    examples = {picture.label: picture.name for picture in reversed(pictures)}
    if not examples and not labeled:
        raise BadInput(f"there is no picture in {source}")
    if labeled and len(examples.keys() - {UNLABELED}) < 2:
        count = len(examples.keys() - {UNLABELED})
        raise BadInput(f"a data set needs pictures of at least two classes, got {count} in {source}")
    if UNLABELED in examples and len(examples) > 1:
        odd = examples[UNLABELED][:200]
        raise BadInput(f"either all pictures are in class folders or none is: {odd!r} is not, but others are")
    if examples.keys() == {UNLABELED}:
        return [ALL], np.zeros(len(pictures), np.int64)
    for label, name in examples.items():
        checked_class(label, name[:200])
    names = list(dict.fromkeys(name for reading in readings for name in reading.class_names))
    undeclared = examples.keys() - set(names)
    if names and (number := next((label for label in undeclared if label.isdecimal()), None)):
        raise BadInput(
            f"{examples[number][:200]} has the class {number}, an index without a name, but the classes of other "
            f"pictures of {source} are named"
        )
    ordered = CLOTHES if undeclared <= set(CLOTHES) else sorted(undeclared, key=_numeric_order)
    names += [name for name in ordered if name in undeclared]
    index = {name: number for number, name in enumerate(names)}
    return names, np.array([index[picture.label] for picture in pictures], np.int64)


def _numeric_order(name: str) -> tuple[int, str]:
    """Sort key of class names: text alphabetically, then numbers by value."""
    return (len(name), name) if name.isdecimal() else (0, name)


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)[:200]


def pictures_at(path: Path, *, boxes: bool = False, labeled: bool = True) -> Iterator[LabeledPicture]:
    """The pictures of one folder, archive or table, in order of their names or rows. Raises BadInput.

    `boxes`: with the objects' boxes, where they are known; `labeled`: require a class for each.
    """
    with reading_at(path, Wanted(boxes=boxes, labeled=labeled)) as reading:
        yield from reading.pictures


@contextmanager
def reading_at(path: Path, wanted: Wanted) -> Iterator[Reading]:
    """Context manager with the pictures of one folder, archive or table, and its classes. Raises BadInput."""
    is_table, kind = path.suffix.lower() == TABLE, archive_kind(path.name)
    if not path.exists() or not (path.is_dir() or is_table or kind):
        raise BadInput(f"data must be {FORMATS}, got {str(path)[:200]!r}")
    try:
        with ExitStack() as opened:
            if path.is_dir():
                yield _layout(folder_tree(path), path, wanted)
                return
            names = _names_beside(path)
            if is_table:
                yield table_reading(lambda: path.open("rb"), path.name, wanted, partial(_file_in, path.parent), names)
            else:
                file = opened.enter_context(path.open("rb"))
                yield _layout(opened.enter_context(archive_tree(file, path.name)), path, wanted, names)
    except MemoryError:  # Arrow's is of both kinds
        raise
    except _UNREADABLE as error:
        raise BadInput(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _layout(
    tree: FileTree, path: Path, wanted: Wanted, names: tuple[str, ...] | None = None, *, nested: bool = False
) -> Reading:
    """The pictures of a tree of files, in the one layout that it has. Raises BadInput.

    `names`: class names that are declared beside the tree; `nested`: it is one of several archives in a folder.
    """
    if idx := idx_files(tree.names):
        refuse_choice(wanted, tree.name)
        return Reading(_idx_pictures(tree, path, idx))
    tree.refuse_other_formats()
    shards = [] if nested else shards_of(tree)
    classes_told = folders_tell_classes(tree)
    if shards and not tree.pictures:
        return _shards(tree, shards, path, wanted)
    if shards and (shards[0].lower().endswith(TABLE) or not classes_told):  # else it is what was unpacked
        raise BadInput(f"{tree.name} holds both pictures and {shards[0][:200]}: give one of them")
    if not tree.pictures and tree.names:
        some = ", ".join(tree.names[:3])[:200]
        raise BadInput(f"there is no picture in {tree.name}, nor a table or an archive of pictures: it holds {some}")
    if names is None:
        names = _declared_in(tree)
    if metadata := metadata_files(tree, classes_told=classes_told):
        reading = metadata_reading(tree, metadata, wanted, names or (), classes_told=classes_told)
        if reading is not None:
            return reading
    if archive_kind(tree.name) == ".tar" and (samples := samples_of(tree)):
        reading = webdataset_reading(tree, samples, wanted, names or (), classes_told=classes_told)
        if reading is not None:
            return reading
    refuse_choice(wanted, tree.name)
    return Reading(folder_pictures(tree, wanted))


def _shards(tree: FileTree, shards: Sequence[str], path: Path, wanted: Wanted) -> Reading:
    """The pictures of several tables or archives."""
    names = _declared_in(tree, PurePosixPath(shards[0]).parent)
    if shards[0].lower().endswith(TABLE):
        return tables_reading(tree, shards, lambda shard: _table_in(tree, shard, wanted, names))
    pictures = pictures_of_shards(tree, shards, lambda shard: _archive_in(tree, shard, path, wanted, names))
    return Reading(pictures, names or ())


def _table_in(tree: FileTree, shard: str, wanted: Wanted, names: tuple[str, ...] | None) -> Reading:
    home = PurePosixPath(shard).parent

    def beside(file: str) -> bytes | None:
        name = (home / file).as_posix()
        return tree.picture(name) if name in tree.known else None

    return table_reading(partial(tree.open, shard), shard, wanted, beside, names)


def _archive_in(tree: FileTree, shard: str, path: Path, wanted: Wanted, names: tuple[str, ...] | None) -> Reading:
    def pictures() -> Iterator[LabeledPicture]:
        with tree.open(shard) as file, archive_tree(file, PurePosixPath(shard).name) as inside:
            yield from _layout(inside, path, wanted, names, nested=True).pictures

    return Reading(pictures(), names or ())


def _idx_pictures(tree: FileTree, path: Path, idx: dict[tuple[str, str], str]) -> Iterator[LabeledPicture]:
    """The pictures of MNIST's idx files, or of Fashion-MNIST's, where a folder or file name holds `fashion`."""
    names = "/".join((*path.resolve().parts[-2:], *idx.values())).lower()
    classes = CLOTHES if "fashion" in names else DIGITS
    for picture in labeled_pictures(idx, lambda name: tree.read(name, MAX_BYTES), classes):
        yield LabeledPicture(*picture)


def _file_in(folder: Path, name: str) -> bytes | None:
    """The content of a file below `folder`; None if there is none."""
    file = folder / name
    try:
        is_below = file.resolve().is_relative_to(folder.resolve()) and file.is_file()
    except (OSError, ValueError):  # no name of a file: too long, or with a zero byte
        return None
    return file.read_bytes() if is_below else None


def _names_beside(path: Path) -> tuple[str, ...] | None:
    """The class names in `classes.json` beside a file; None if there is no such file. Raises BadInput."""
    beside = path.with_name(CLASSES_FILE)
    return _parsed_names(beside.read_bytes(), path.name) if beside.is_file() else None


def _declared_in(tree: FileTree, folder: PurePosixPath | None = None) -> tuple[str, ...] | None:
    """The class names in `classes.json` in a tree, or in this folder of it; None if there is no such file."""
    for name in dict.fromkeys(((folder / CLASSES_FILE).as_posix() if folder else CLASSES_FILE, CLASSES_FILE)):
        if name in tree.known:
            return _parsed_names(tree.picture(name), tree.name)
    return None


def _parsed_names(content: bytes, where: str) -> tuple[str, ...]:
    try:
        return declared_names(json.loads(content), where)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the class names of {where} cannot be read: {CLASSES_FILE}: {str(error)[:80]}") from None
