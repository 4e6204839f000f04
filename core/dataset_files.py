"""Labelled pictures of an operator, read from where they lie: folders of classes, a zip of them, parquet files.

All or nothing: where one thing is not as it should be, a sentence says which.
"""

from __future__ import annotations

import io
import json
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from core.dataset import BOX, Dataset
from core.errors import BadInput, BadPicture
from core.networks.tables import IMAGENET_CLASSES
from core.networks.tables import class_names as classes_of

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp"})
PARTS = {"train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True}
"""Folders that hold the class folders of one part -> whether that part is held out."""
HELD_OUT_EVERY = 10
"""Where nothing is held out, every so many-th picture of each class is."""
NUMBERED = re.compile(r"([0-9]{1,9})_")
"""How a file begins that is named by its class' index."""
MAX_BYTES = 2**35
"""Of an archive's content, unpacked."""


Box = tuple[int, int, int, int]
UNKNOWN: Box = (-1, -1, -1, -1)
BOXES_BESIDE = "boxes.json"
"""In a folder of pictures: file name -> box."""


class Labelled(NamedTuple):
    """One picture as it was encoded, the name of its class, and whether it only measures."""

    name: str
    data: bytes
    label: str
    held_out: bool
    box: Box = UNKNOWN
    """First column, first row, last column and last row of the object, in pixels."""


_UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, pa.ArrowException,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What the libraries raise on files that are damaged, encrypted or none of their format."""


def read_dataset(paths: Sequence[Path], held_out: Sequence[Path] = (), *, boxes: bool = False) -> Dataset:
    """The pictures at `paths` to learn from, and those at `held_out` to measure with. Raises BadInput, BadPicture.

    A path is a folder of folders named by class (or of `train` and `val` with such folders in them), a zip of one, a
    folder whose files are named `<class index>_...`, or a parquet file with the columns `image` and `label`. Where
    nothing is held out, a tenth of each class is; without `paths`, all is. `boxes`: read the objects' boxes too, from
    the columns x0, y0, x1, y1, or from `boxes.json` in the folder.
    """
    found = [labelled for path in paths for labelled in pictures_at(path, boxes=boxes)]
    found += [labelled._replace(held_out=True) for path in held_out for labelled in pictures_at(path, boxes=boxes)]
    for labelled in found:
        _check(labelled)
    shown, all_paths = {labelled.label for labelled in found}, (*paths, *held_out)
    if len(shown) < 2:
        raise BadInput(f"a data set needs pictures of two classes at least, found {len(shown)} in {_named(all_paths)}")
    names = list(dict.fromkeys(name for path in all_paths for name in declared_classes(path)))
    names += sorted(shown - set(names), key=_numbers_by_size)
    index = {name: number for number, name in enumerate(names)}
    labels = np.array([index[labelled.label] for labelled in found], np.int64)
    apart = np.array([labelled.held_out for labelled in found], np.bool_)
    if not apart.any():
        apart = _every_tenth(labels)
    if paths and (apart.all() or not apart.any()):
        raise BadInput(
            f"a data set needs pictures to learn from and others to measure with: {_named(paths)} has too few"
        )
    drawn = np.array([labelled.box for labelled in found], np.int32) if boxes else None
    return Dataset(tuple(names), [labelled.data for labelled in found], labels, apart, drawn)


def _numbers_by_size(name: str) -> tuple[int, str]:
    return (len(name), name) if name.isdecimal() else (0, name)


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)[:200]


def pictures_at(path: Path, *, boxes: bool = False) -> Iterator[Labelled]:
    """The pictures of one folder, zip or parquet file, in order of name or row. Raises BadInput.

    `boxes`: with the objects' boxes, where the folder or the file has them.
    """
    readers: dict[str, Callable[[Path], Iterator[Labelled]]] = {
        "folder": partial(_in_folder, boxes=boxes),
        ".zip": _in_zip,
        ".parquet": partial(_in_table, boxes=boxes),
    }
    read = readers.get("folder" if path.is_dir() else path.suffix.lower())
    if read is None or not path.exists():
        raise BadInput(f"data are a folder of class folders, a .zip of one or a .parquet file, got {str(path)[:200]!r}")
    try:
        yield from read(path)
    except _UNREADABLE as error:
        raise BadInput(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _in_folder(folder: Path, *, boxes: bool) -> Iterator[Labelled]:
    drawn = _boxes_beside(folder) if boxes else {}
    numbered = _is_numbered(folder)
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if is_picture(name) and file.is_file():
            read = _of_numbered_class if numbered else _in_class_folder
            yield read(name, file.read_bytes())._replace(box=drawn.get(name, UNKNOWN))


def _is_numbered(folder: Path) -> bool:
    """Whether pictures lie in the folder itself, each file named `<class index>_...`."""
    names = [file.name for file in folder.iterdir() if is_picture(file.name)]
    return bool(names) and all(NUMBERED.match(name) for name in names)


def _of_numbered_class(name: str, data: bytes) -> Labelled:
    if not (found := NUMBERED.match(name)):
        raise BadInput(f"a picture's file is named <class index>_<anything> like the others, got {name[:200]!r}")
    return Labelled(name, data, str(int(found[1])), held_out=False)


def _boxes_beside(folder: Path) -> dict[str, Box]:
    """File name -> box, of `boxes.json` in the folder; none where there is none."""
    file = folder / BOXES_BESIDE
    if not file.is_file():
        return {}
    drawn = json.loads(file.read_bytes())
    if not isinstance(drawn, dict):
        raise BadInput(f"{BOXES_BESIDE} must be a table of file names and boxes")
    return {name: _box(sides, f"{name} in {BOXES_BESIDE}") for name, sides in drawn.items()}


def _box(sides: Any, where: str) -> Box:
    """Four whole numbers, or UNKNOWN where one is missing. Raises BadInput."""
    if not isinstance(sides, list | tuple) or len(sides) != 4 or not all(isinstance(side, int) for side in sides):
        raise BadInput(f"a box is four whole numbers x0, y0, x1, y1, got {str(sides)[:80]} for {where[:200]}")
    left, top, right, bottom = sides
    if min(sides) < 0:
        return UNKNOWN
    if right < left or bottom < top:
        raise BadInput(f"a box ends where it begins or later, got {str(sides)[:80]} for {where[:200]}")
    return left, top, right, bottom


def _in_zip(path: Path) -> Iterator[Labelled]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist() if is_picture(entry.filename)}
        if sum(entry.file_size for entry in entries.values()) > MAX_BYTES:
            raise BadInput(f"{path.name} holds more than {MAX_BYTES / 2**30:.0f} GiB of pictures")
        wrapped = _is_wrapped(entries)
        for name in sorted(entries):
            yield _in_class_folder(name.partition("/")[2] if wrapped else name, archive.read(name))


def _is_wrapped(names: Collection[str]) -> bool:
    """Whether all lies in one folder: most programs pack the folder itself, not what is in it."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    return len(tops) == 1 and not tops & PARTS.keys() and any(len(parts) > 1 for parts in folders)


def _in_class_folder(name: str, data: bytes) -> Labelled:
    """The picture at `[part/]class/.../file` below the top."""
    folders = PurePosixPath(name).parts[:-1]
    held_out = bool(folders) and PARTS.get(folders[0].lower(), False)
    inner = folders[1:] if folders and folders[0].lower() in PARTS else folders
    name.encode()  # a name on a disk may be no text; then this is a ValueError
    if not inner:
        raise BadInput(f"each picture lies in a folder that names its class, {name[:200]!r} does not")
    return Labelled(name, data, inner[0], held_out)


def is_picture(name: str) -> bool:
    """Whether a file of this name is read as a picture; hidden files are not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def _in_table(path: Path, *, boxes: bool) -> Iterator[Labelled]:
    table = pq.ParquetFile(path)
    if missing := {"image", "label"} - set(table.schema_arrow.names):
        raise BadInput(f"{path.name} must have the columns image and label, it lacks {', '.join(sorted(missing))}")
    names = declared_classes(path)
    columns = ["image", "label", *(BOX if boxes and set(BOX) <= set(table.schema_arrow.names) else ())]
    row = 0
    for batch in table.iter_batches(batch_size=1024, columns=columns):
        for image, label, *sides in zip(*(batch[column].to_pylist() for column in columns), strict=True):
            row += 1
            data = image.get("bytes") if isinstance(image, dict) else image  # data set libraries write {bytes, path}
            if not isinstance(data, bytes):
                raise BadInput(f"row {row} of {path.name} has no picture")
            name = f"row {row} of {path.name}"
            box = _box(sides, name) if sides else UNKNOWN
            yield Labelled(name, data, _class_of(label, names, row, path), held_out=False, box=box)


def _class_of(label: object, names: Sequence[str], row: int, path: Path) -> str:
    if isinstance(label, str):
        return label
    if not isinstance(label, int) or label < 0 or (names and label >= len(names)):
        wanted = f"a whole number from 0 to {len(names) - 1}" if names else "a whole number from 0, or a text"
        raise BadInput(f"the label of row {row} of {path.name} must be {wanted}, got {str(label)[:40]}")
    return names[label] if names else str(label)


def declared_classes(path: Path) -> tuple[str, ...]:
    """The class names that come with a parquet file, by index; none where there are none.

    From `classes.json` beside it, a list of names or of `{name, wnid}`, else as data set libraries write
    them into the file. Raises BadInput.
    """
    if path.suffix.lower() != ".parquet":
        return ()
    beside = path.with_name("classes.json")
    try:
        names = _names_beside(beside) if beside.is_file() else _names_within(path)
    except (ValueError, TypeError, KeyError, OSError, pa.ArrowException) as error:
        raise BadInput(f"the class names of {path.name} cannot be read: {error}") from None
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise BadInput(f"the class names of {path.name} must differ, {repeated[0][:80]!r} is there more than once")
    return names


def _names_beside(file: Path) -> tuple[str, ...]:
    entries = json.loads(file.read_bytes())
    if not isinstance(entries, list):
        raise TypeError(f"{file.name} is no list")
    return tuple(map(_class_name, entries))


def _names_within(file: Path) -> tuple[str, ...]:
    metadata = pq.read_schema(file).metadata or {}
    try:
        return tuple(map(str, json.loads(metadata[b"huggingface"])["info"]["features"]["label"]["names"]))
    except KeyError:  # nobody has named them
        return ()


def _class_name(entry: Any) -> str:
    """A class' name; with its WordNet id where ImageNet has several of that name, as the catalogue has it."""
    if isinstance(entry, str):
        return entry
    name, apart = str(entry["name"]), f"{entry['name']} ({entry.get('wnid')})"
    return apart if apart in classes_of(IMAGENET_CLASSES) else name


def _check(labelled: Labelled) -> None:
    """BadPicture where the bytes are no whole picture: better now than after an hour of training."""
    try:
        with PillowImage.open(io.BytesIO(labelled.data)) as image:
            image.load()
    except UnidentifiedImageError:  # its own words are about an object in memory
        raise BadPicture(f"{labelled.name[:200]} is no picture") from None
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise BadPicture(f"{labelled.name[:200]} is no whole picture: {error}") from None


def _every_tenth(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of each class, the first picture and every tenth after it."""
    apart = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        apart[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return apart
