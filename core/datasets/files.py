"""Pictures of an operator, read from where they lie: folders of classes, the files of MNIST, a zip, parquet files.

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

from core.datasets.dataset import BOX, Dataset, every_tenth
from core.datasets.idx import CLOTHES, DIGITS, Read, idx_files, labeled_pictures
from core.errors import BadInput, BadPicture
from core.networks.tables import IMAGENET_CLASSES
from core.networks.tables import class_names as classes_of

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp"})
PARTS = {"train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True}
"""Folders that hold the class folders of one part -> whether that part is held out."""
ALL, UNLABELED = "all", ""
"""The one class of pictures that lie in no class folders; and what stands for it until all are read."""
NUMBERED = re.compile(r"([0-9]{1,9})_")
"""How a file begins that is named by its class' index."""
MAX_BYTES = 2**35
"""Of an archive's content, unpacked."""
MAX_PICTURE_BYTES = 2**28
"""Of one picture as it is encoded."""
MAX_PIXELS = 40_000_000
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others cannot be unpacked up to a limit."""

Box = tuple[int, int, int, int]
UNKNOWN: Box = (-1, -1, -1, -1)
BOXES_BESIDE = "boxes.json"
"""In a folder of pictures: file name -> box."""


class LabeledPicture(NamedTuple):
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


def read_dataset(
    paths: Sequence[Path], held_out: Sequence[Path] = (), *, boxes: bool = False, labeled: bool = True
) -> Dataset:
    """The pictures at `paths` to learn from, and those at `held_out` to measure with. Raises BadInput, BadPicture.

    A path is a folder of folders named by class (or of `train` and `val` with such folders in them), a folder with the
    idx files of MNIST, a zip of either, a folder whose files are named `<class index>_...`, or a parquet file with the
    columns `image` and `label`. Where nothing is held out, a tenth of each class is; without `paths`, all is.
    `boxes`: read the objects' boxes too, from the columns x0, y0, x1, y1, or from `boxes.json` in the folder.
    `labeled`: pictures of two classes at least; otherwise one class will do, and pictures without any are of one
    class, `all`.
    """
    at = partial(pictures_at, boxes=boxes, labeled=labeled)
    found = [_checked(picture) for path in paths for picture in at(path)]
    found += [_checked(picture)._replace(held_out=True) for path in held_out for picture in at(path)]
    all_paths = (*paths, *held_out)
    names, labels = _classes(found, all_paths, labeled=labeled)
    apart = np.array([picture.held_out for picture in found], np.bool_)
    if not apart.any():
        apart = every_tenth(labels)
    if paths and (apart.all() or not apart.any()):
        raise BadInput(
            f"a data set needs pictures to learn from and others to measure with: {_named(paths)} has too few"
        )
    drawn = np.array([picture.box for picture in found], np.int32) if boxes else None
    return Dataset(tuple(names), [picture.data for picture in found], labels, apart, drawn)


def _classes(
    found: Sequence[LabeledPicture], paths: Sequence[Path], *, labeled: bool
) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the classes, and the index of each picture's: (N,). Raises BadInput."""
    shown = {picture.label for picture in found}
    if labeled and len(shown) < 2:
        raise BadInput(f"a data set needs pictures of two classes at least, found {len(shown)} in {_named(paths)}")
    if not shown:
        raise BadInput(f"there is no picture in {_named(paths)}")
    if UNLABELED in shown and len(shown) > 1:
        odd = next(picture.name for picture in found if picture.label == UNLABELED)
        raise BadInput(f"all pictures lie in class folders or none does, {odd[:200]!r} does not and others do")
    if shown == {UNLABELED}:
        return [ALL], np.zeros(len(found), np.int64)
    names = list(dict.fromkeys(name for path in paths for name in declared_classes(path)))
    others = shown - set(names)
    by_label = CLOTHES if others <= set(CLOTHES) else sorted(others, key=_numbers_by_size)
    names += [name for name in by_label if name in others]
    index = {name: number for number, name in enumerate(names)}
    return names, np.array([index[picture.label] for picture in found], np.int64)


def _numbers_by_size(name: str) -> tuple[int, str]:
    return (len(name), name) if name.isdecimal() else (0, name)


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)[:200]


def pictures_at(path: Path, *, boxes: bool = False, labeled: bool = True) -> Iterator[LabeledPicture]:
    """The pictures of one folder, zip or parquet file, in order of name or row. Raises BadInput.

    `boxes`: with the objects' boxes, where the folder or the file has them. `labeled`: each has a class.
    """
    readers: dict[str, Callable[[Path], Iterator[LabeledPicture]]] = {
        "folder": partial(_in_folder, boxes=boxes, labeled=labeled),
        ".zip": partial(_in_zip, labeled=labeled),
        ".parquet": partial(_in_table, boxes=boxes, labeled=labeled),
    }
    read = readers.get("folder" if path.is_dir() else path.suffix.lower())
    if read is None or not path.exists():
        raise BadInput(f"data are a folder of class folders, a .zip of one or a .parquet file, got {str(path)[:200]!r}")
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
    drawn = _boxes_beside(folder) if boxes else {}
    numbered = _is_numbered(folder)
    for name in filter(is_picture, files):
        data = files[name].read_bytes()
        found = _of_numbered_class(name, data) if numbered else _in_class_folder(name, data, labeled=labeled)
        yield found._replace(box=drawn.get(name, UNKNOWN))


def _in_idx(path: Path, idx: dict[tuple[str, str], str], read: Read) -> Iterator[LabeledPicture]:
    """MNIST's files; the classes are clothes where the folder, the zip or a file says fashion."""
    said = "/".join((*path.resolve().parts[-2:], *idx.values())).lower()
    for picture in labeled_pictures(idx, read, CLOTHES if "fashion" in said else DIGITS):
        yield LabeledPicture(*picture)


def _is_numbered(folder: Path) -> bool:
    """Whether pictures lie in the folder itself, each file named `<class index>_...`."""
    names = [file.name for file in folder.iterdir() if is_picture(file.name)]
    return bool(names) and all(NUMBERED.match(name) for name in names)


def _of_numbered_class(name: str, data: bytes) -> LabeledPicture:
    if not (found := NUMBERED.match(name)):
        raise BadInput(f"a picture's file is named <class index>_<anything> like the others, got {name[:200]!r}")
    return LabeledPicture(name, data, str(int(found[1])), held_out=False)


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


def _in_zip(path: Path, *, labeled: bool) -> Iterator[LabeledPicture]:
    with zipfile.ZipFile(path) as archive:
        seen = {entry.filename: entry for entry in archive.infolist() if not _is_hidden(_within(entry.filename))}
        if idx := idx_files(seen):
            yield from _in_idx(path, idx, lambda name: _unpacked(archive, seen[name], MAX_BYTES))
            return
        entries = {name: entry for name, entry in seen.items() if is_picture(name)}
        if sum(entry.file_size for entry in entries.values()) > MAX_BYTES:
            raise BadInput(f"{path.name} holds more than {MAX_BYTES / 2**30:.0f} GiB of pictures")
        wrapped = _is_wrapped(entries)
        for name in sorted(entries):
            data = _unpacked(archive, entries[name], MAX_PICTURE_BYTES)
            yield _in_class_folder(name.partition("/")[2] if wrapped else name, data, labeled=labeled)


def _within(name: str) -> str:
    """A file's name in a zip. Raises BadInput where it leads out of it: this is no zip of pictures, but an attempt."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or "/" in parts[:1]:
        raise BadInput(f"a zip of pictures names files inside of it, got {name[:200]!r}")
    return name


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """A file of at most so many bytes, whatever the archive says of it. Raises BadInput."""
    if entry.compress_type not in COMPRESSIONS:
        raise BadInput(f"{entry.filename[:200]} must be stored or deflated in its zip, it is packed in another way")
    with archive.open(entry) as file:
        content = file.read(min(entry.file_size, most) + 1)
    if len(content) > most:
        raise BadInput(f"{entry.filename[:200]} has more than {most / 2**20:.0f} MiB, which is the limit")
    return content


def _is_wrapped(names: Collection[str]) -> bool:
    """Whether all lies in one folder: most programs pack the folder itself, not what is in it."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    return len(tops) == 1 and not tops & PARTS.keys() and any(len(parts) > 1 for parts in folders)


def _in_class_folder(name: str, data: bytes, *, labeled: bool) -> LabeledPicture:
    """The picture at `[part/]class/.../file` below the top; where they need no labels, at `[part/]file` too."""
    folders = PurePosixPath(name).parts[:-1]
    held_out = bool(folders) and PARTS.get(folders[0].lower(), False)
    inner = folders[1:] if folders and folders[0].lower() in PARTS else folders
    name.encode()  # a name on a disk may be no text; then this is a ValueError
    if not inner and labeled:
        raise BadInput(f"each picture lies in a folder that names its class, {name[:200]!r} does not")
    return LabeledPicture(name, data, inner[0] if inner else UNLABELED, held_out)


def is_picture(name: str) -> bool:
    """Whether a file of this name is read as a picture; hidden files are not."""
    return PurePosixPath(name).suffix.lower() in ENDINGS and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _in_table(path: Path, *, boxes: bool, labeled: bool) -> Iterator[LabeledPicture]:
    table = pq.ParquetFile(path)
    there = set(table.schema_arrow.names)
    needed = {"image", "label"} if labeled else {"image"}
    if missing := needed - there:
        wanted = " and ".join(sorted(needed))
        raise BadInput(
            f"{path.name} must have the column{'s' * labeled} {wanted}, it lacks {', '.join(sorted(missing))}"
        )
    names = declared_classes(path)
    columns = ["image", *(["label"] if "label" in there else []), *(BOX if boxes and set(BOX) <= there else ())]
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
    """A picture's file in a table's cell; data set libraries write {bytes, path}."""
    data = image.get("bytes") if isinstance(image, dict) else image
    return data if isinstance(data, bytes) else None


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
    """A class' name; with its WordNet id where ImageNet has several of that name, as the catalog has it."""
    if isinstance(entry, str):
        return entry
    name, apart = str(entry["name"]), f"{entry['name']} ({entry.get('wnid')})"
    return apart if apart in classes_of(IMAGENET_CLASSES) else name


def _checked(picture: LabeledPicture) -> LabeledPicture:
    """The same; BadPicture where the bytes are no whole picture: better now than after an hour of training."""
    name = picture.name[:200]
    try:
        with PillowImage.open(io.BytesIO(picture.data)) as image:
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width} x {image.height} px"
                raise BadPicture(f"{name} has {size}, allowed are {MAX_PIXELS / 1e6:g} megapixels")
            image.load()
    except UnidentifiedImageError:  # its own words are about an object in memory
        raise BadPicture(f"{name} is no picture") from None
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise BadPicture(f"{name} is no whole picture: {error}") from None
    return picture
