"""Data sets from files: class folders, MNIST's idx files, a zip, or parquet files.

Reading is all or nothing: the first fault is an error that names the file or row.
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

from core.datasets.dataset import BOX, Dataset, every_tenth
from core.datasets.idx import CLOTHES, DIGITS, Read, idx_files, labeled_pictures
from core.errors import BadInput, BadPicture
from core.networks.tables import IMAGENET_CLASSES
from core.networks.tables import class_names as classes_of

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp"})
PARTS = {"train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True}
"""Folder of one part's class folders -> whether that part is held out."""
ALL, UNLABELED = "all", ""
"""The only class of pictures without class folders, and its placeholder until all are read."""
NUMBERED = re.compile(r"([0-9]{1,9})_")
"""Start of a file name that gives the class index."""
MAX_BYTES = 2**35
"""Size limit of an unpacked zip."""
MAX_PICTURE_BYTES = 2**28
"""Size limit of one encoded picture."""
MAX_PIXELS = 40_000_000
"""Of one picture."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that can be unpacked up to a size limit."""

Box = tuple[int, int, int, int]
UNKNOWN: Box = (-1, -1, -1, -1)
BOXES_FILE = "boxes.json"
"""File in a folder of pictures: file name -> box."""


class LabeledPicture(NamedTuple):
    """An encoded picture with its class and part; `name` is used in messages."""

    name: str
    data: bytes
    label: str
    """Name of its class."""
    held_out: bool
    box: Box = UNKNOWN
    """First column, first row, last column and last row of the object, in pixels; all -1 where unknown."""


_UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, pa.ArrowException,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What the libraries raise for files that are damaged, encrypted or of another format."""


def read_dataset(
    paths: Sequence[Path], held_out: Sequence[Path] = (), *, boxes: bool = False, labeled: bool = True
) -> Dataset:
    """A data set of the pictures at `paths`, for training, and of those at `held_out`, for validation.

    A path is a folder of class folders (also within `train` and `val`), a folder with MNIST's idx files, a zip of
    either, a folder of files named `<class index>_...`, or a parquet file with the columns `image` and `label`. Where
    no picture is held out, a tenth of each class is; without `paths`, all are. Raises BadInput, BadPicture.

    Args:
        boxes: also read the objects' boxes, from the columns x0, y0, x1, y1, or from `boxes.json` in the folder.
        labeled: require at least two classes; else one class is enough, and unlabeled pictures are of the class `all`.
    """
    at = partial(pictures_at, boxes=boxes, labeled=labeled)
    pictures = [_checked(picture) for path in paths for picture in at(path)]
    pictures += [_checked(picture)._replace(held_out=True) for path in held_out for picture in at(path)]
    names, labels = _classes(pictures, (*paths, *held_out), labeled=labeled)
    validation = np.array([picture.held_out for picture in pictures], np.bool_)
    if not validation.any():
        validation = every_tenth(labels)
    if paths and (validation.all() or not validation.any()):
        raise BadInput(f"a data set needs both training and held-out pictures: {_named(paths)} has too few pictures")
    object_boxes = np.array([picture.box for picture in pictures], np.int32) if boxes else None
    return Dataset(tuple(names), [picture.data for picture in pictures], labels, validation, object_boxes)


def _classes(
    pictures: Sequence[LabeledPicture], paths: Sequence[Path], *, labeled: bool
) -> tuple[list[str], NDArray[np.int64]]:
    """The class names, and the class index (N,) of each picture. Raises BadInput."""
    present = {picture.label for picture in pictures}
    if labeled and len(present) < 2:
        raise BadInput(f"a data set needs pictures of at least two classes, got {len(present)} in {_named(paths)}")
    if not present:
        raise BadInput(f"there is no picture in {_named(paths)}")
    if UNLABELED in present and len(present) > 1:
        odd = next(picture.name for picture in pictures if picture.label == UNLABELED)
        raise BadInput(f"either all pictures are in class folders or none is: {odd[:200]!r} is not, but others are")
    if present == {UNLABELED}:
        return [ALL], np.zeros(len(pictures), np.int64)
    names = list(dict.fromkeys(name for path in paths for name in declared_classes(path)))
    undeclared = present - set(names)
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
    """The pictures of one folder, zip or parquet file, in order of their names or rows. Raises BadInput.

    `boxes`: with the objects' boxes, where the folder or the file has them; `labeled`: require a class for each.
    """
    readers: dict[str, Callable[[Path], Iterator[LabeledPicture]]] = {
        "folder": partial(_in_folder, boxes=boxes, labeled=labeled),
        ".zip": partial(_in_zip, labeled=labeled),
        ".parquet": partial(_in_table, boxes=boxes, labeled=labeled),
    }
    read = readers.get("folder" if path.is_dir() else path.suffix.lower())
    if read is None or not path.exists():
        raise BadInput(
            f"data must be a folder of class folders, a .zip of one or a .parquet file, got {str(path)[:200]!r}"
        )
    try:
        yield from read(path)
    except MemoryError:  # Arrow's is of both kinds
        raise
    except _UNREADABLE as error:
        raise BadInput(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _in_folder(folder: Path, *, boxes: bool, labeled: bool) -> Iterator[LabeledPicture]:
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    if idx := idx_files([name for name in files if not _is_hidden(name)]):
        yield from _in_idx(folder, idx, lambda name: files[name].read_bytes())
        return
    known_boxes = _boxes_in(folder) if boxes else {}
    numbered = _is_numbered(folder)
    for name in filter(is_picture, files):
        data = files[name].read_bytes()
        picture = _of_numbered_class(name, data) if numbered else _in_class_folder(name, data, labeled=labeled)
        yield picture._replace(box=known_boxes.get(name, UNKNOWN))


def _in_idx(path: Path, idx: dict[tuple[str, str], str], read: Read) -> Iterator[LabeledPicture]:
    """The pictures of MNIST's idx files, or of Fashion-MNIST's, where a folder or file name holds `fashion`."""
    names = "/".join((*path.resolve().parts[-2:], *idx.values())).lower()
    for picture in labeled_pictures(idx, read, CLOTHES if "fashion" in names else DIGITS):
        yield LabeledPicture(*picture)


def _is_numbered(folder: Path) -> bool:
    """Whether the pictures are in the folder itself, each named `<class index>_...`."""
    names = [file.name for file in folder.iterdir() if is_picture(file.name)]
    return bool(names) and all(NUMBERED.match(name) for name in names)


def _of_numbered_class(name: str, data: bytes) -> LabeledPicture:
    """The picture of a file named `<class index>_...`. Raises BadInput."""
    if not (match := NUMBERED.match(name)):
        raise BadInput(f"a picture's file must be named <class index>_<anything> like the others, got {name[:200]!r}")
    return LabeledPicture(name, data, str(int(match[1])), held_out=False)


def _boxes_in(folder: Path) -> dict[str, Box]:
    """File name -> box, from `boxes.json` in the folder; empty if there is no such file. Raises BadInput."""
    file = folder / BOXES_FILE
    if not file.is_file():
        return {}
    boxes = json.loads(file.read_bytes())
    if not isinstance(boxes, dict):
        raise BadInput(f"{BOXES_FILE} must be a table of file names and boxes, got a {type(boxes).__name__}")
    return {name: _box(sides, f"{name} in {BOXES_FILE}") for name, sides in boxes.items()}


def _box(sides: Any, where: str) -> Box:
    """A box of four whole numbers; UNKNOWN where one is negative. Raises BadInput."""
    if not isinstance(sides, list | tuple) or len(sides) != 4 or not all(isinstance(side, int) for side in sides):
        raise BadInput(f"a box must be four whole numbers x0, y0, x1, y1, got {str(sides)[:80]} for {where[:200]}")
    left, top, right, bottom = sides
    if min(sides) < 0:
        return UNKNOWN
    if right < left or bottom < top:
        raise BadInput(f"a box must have x1 >= x0 and y1 >= y0, got {str(sides)[:80]} for {where[:200]}")
    return left, top, right, bottom


def _in_zip(path: Path, *, labeled: bool) -> Iterator[LabeledPicture]:
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename: entry for entry in archive.infolist() if not _is_hidden(_inside(entry.filename))}
        if idx := idx_files(members):
            yield from _in_idx(path, idx, lambda name: _unpacked(archive, members[name], MAX_BYTES))
            return
        entries = {name: entry for name, entry in members.items() if is_picture(name)}
        if sum(entry.file_size for entry in entries.values()) > MAX_BYTES:
            raise BadInput(f"{path.name} holds more than {MAX_BYTES / 2**30:.0f} GiB of pictures, which is the limit")
        wrapped = _is_wrapped(entries)
        for name in sorted(entries):
            data = _unpacked(archive, entries[name], MAX_PICTURE_BYTES)
            yield _in_class_folder(name.partition("/")[2] if wrapped else name, data, labeled=labeled)


def _inside(name: str) -> str:
    """`name`, if it is a path inside of a zip. Raises BadInput."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or "/" in parts[:1]:
        raise BadInput(f"the files in a zip must have names without .. and without a leading /, got {name[:200]!r}")
    return name


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """The content of a file in a zip; never unpacks more than `limit_bytes`. Raises BadInput."""
    if entry.compress_type not in COMPRESSIONS:
        raise BadInput(
            f"{entry.filename[:200]} must be stored or deflated in its zip, got method {entry.compress_type}"
        )
    with archive.open(entry) as file:
        content = file.read(min(entry.file_size, limit_bytes) + 1)
    if len(content) > limit_bytes:
        raise BadInput(f"{entry.filename[:200]} has more than {limit_bytes / 2**20:.0f} MiB, which is the limit")
    return content


def _is_wrapped(names: Collection[str]) -> bool:
    """Whether all files are in one folder, as most programs pack the folder itself, not its content."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    return len(tops) == 1 and not tops & PARTS.keys() and any(len(parts) > 1 for parts in folders)


def _in_class_folder(name: str, data: bytes, *, labeled: bool) -> LabeledPicture:
    """The picture at `[part/]class/.../file`, or, unless `labeled`, at `[part/]file`. Raises BadInput."""
    folders = PurePosixPath(name).parts[:-1]
    held_out = bool(folders) and PARTS.get(folders[0].lower(), False)
    inner = folders[1:] if folders and folders[0].lower() in PARTS else folders
    name.encode()  # a ValueError for a file name that is not text
    if not inner and labeled:
        raise BadInput(f"each picture must be in a folder named after its class, {name[:200]!r} is not")
    return LabeledPicture(name, data, inner[0] if inner else UNLABELED, held_out)


def is_picture(name: str) -> bool:
    """Whether a file of this name is read as a picture: by its ending, unless it is hidden."""
    return PurePosixPath(name).suffix.lower() in ENDINGS and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _in_table(path: Path, *, boxes: bool, labeled: bool) -> Iterator[LabeledPicture]:
    table = pq.ParquetFile(path)
    present = set(table.schema_arrow.names)
    required = {"image", "label"} if labeled else {"image"}
    if missing := required - present:
        columns_text = " and ".join(sorted(required))
        raise BadInput(
            f"{path.name} must have the column{'s' * labeled} {columns_text}, it lacks {', '.join(sorted(missing))}"
        )
    names = declared_classes(path)
    columns = ["image", *(["label"] if "label" in present else []), *(BOX if boxes and set(BOX) <= present else ())]
    row = 0
    for batch in table.iter_batches(batch_size=1024, columns=columns):
        for cells in batch.to_pylist():
            row += 1
            data = _bytes_of(cells["image"])
            name = f"row {row} of {path.name}"
            if data is None:
                raise BadInput(f"{name} has no picture")
            label = _class_of(cells["label"], names, row, path) if "label" in cells else UNLABELED
            box = _box([cells[side] for side in BOX], name) if BOX[0] in cells else UNKNOWN
            yield LabeledPicture(name, data, label, held_out=False, box=box)


def _bytes_of(image: object) -> bytes | None:
    """The encoded picture in a cell: bytes, or {bytes, path} as data set libraries write; None if there is none."""
    data = image.get("bytes") if isinstance(image, dict) else image
    return data if isinstance(data, bytes) else None


def _class_of(label: object, names: Sequence[str], row: int, path: Path) -> str:
    """The class name of a row's label, which is an index or a text. Raises BadInput."""
    if isinstance(label, str):
        return label
    if not isinstance(label, int) or label < 0 or (names and label >= len(names)):
        allowed = f"a whole number from 0 to {len(names) - 1}" if names else "a whole number from 0, or a text"
        raise BadInput(f"the label of row {row} of {path.name} must be {allowed}, got {str(label)[:40]}")
    return names[label] if names else str(label)


def declared_classes(path: Path) -> tuple[str, ...]:
    """The class names of a parquet file, by index; empty if it has none.

    They are in `classes.json` beside it, a list of names or of `{name, wnid}`, or in the file's metadata, as data set
    libraries write them. Raises BadInput.
    """
    if path.suffix.lower() != ".parquet":
        return ()
    beside = path.with_name("classes.json")
    try:
        names = _names_beside(beside) if beside.is_file() else _names_within(path)
    except (ValueError, TypeError, KeyError, OSError, pa.ArrowException) as error:
        raise BadInput(f"the class names of {path.name} cannot be read: {error}") from None
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise BadInput(f"the class names of {path.name} must be unique, got {repeated[0][:80]!r} more than once")
    return names


def _names_beside(file: Path) -> tuple[str, ...]:
    entries = json.loads(file.read_bytes())
    if not isinstance(entries, list):
        raise TypeError(f"{file.name} is not a list")
    return tuple(map(_class_name, entries))


def _names_within(file: Path) -> tuple[str, ...]:
    metadata = pq.read_schema(file).metadata or {}
    try:
        return tuple(map(str, json.loads(metadata[b"huggingface"])["info"]["features"]["label"]["names"]))
    except KeyError:  # the file names no classes
        return ()


def _class_name(entry: Any) -> str:
    """A class name, with its WordNet id where ImageNet has several classes of that name."""
    if isinstance(entry, str):
        return entry
    name, unique = str(entry["name"]), f"{entry['name']} ({entry.get('wnid')})"
    return unique if unique in classes_of(IMAGENET_CLASSES) else name


def _checked(picture: LabeledPicture) -> LabeledPicture:
    """`picture`, after decoding it. Raises BadPicture now rather than after an hour of training."""
    name = picture.name[:200]
    try:
        with PillowImage.open(io.BytesIO(picture.data)) as image:
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width} x {image.height} px"
                raise BadPicture(f"{name} has {size}, the limit is {MAX_PIXELS / 1e6:g} megapixels")
            image.load()
    except UnidentifiedImageError:  # whose message names an object in memory
        raise BadPicture(f"{name} is not a picture") from None
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise BadPicture(f"{name} is damaged or incomplete: {error}") from None
    return picture
