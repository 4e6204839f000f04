"""A labeled picture as every layout gives it, and what file names tell: pictures, parts, hidden files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from core.errors import BadInput
from core.media import decoding

ENDINGS = frozenset(f".{ending}" for ending in decoding.ENDINGS)
"""Of pictures' file names."""
OTHER_ENDINGS = frozenset({
    ".heic", ".heif", ".avif", ".jfif", ".jpe", ".jp2", ".j2k", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".dng",
    ".cr2", ".nef", ".arw", ".exr", ".hdr",
}) - ENDINGS  # fmt: skip
"""Of pictures in formats that are not read."""
PARTS = {
    "train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True, "testing": True,
    "dev": True, "eval": True, "evaluation": True,
}  # fmt: skip
"""Name of a part of a data set -> whether that part is held out."""
UNLABELED = ""
"""Stands for the class of a picture that has none."""
MAX_CLASS_NAME = 200
"""Characters."""

Box = tuple[int, int, int, int]
UNKNOWN: Box = (-1, -1, -1, -1)


class LabeledPicture(NamedTuple):
    """An encoded picture with its class and part; `name` is used in messages."""

    name: str
    data: bytes
    label: str
    """Name of its class."""
    held_out: bool
    box: Box = UNKNOWN
    """First column, first row, last column and last row of the object, in pixels; all -1 where unknown."""


@dataclass(frozen=True)
class Wanted:
    """What is read of a data set beside its pictures."""

    boxes: bool = False
    """The objects' boxes, where they are known."""
    labeled: bool = True
    """Each picture must have a class."""
    label_column: str = ""
    """Column, or key, of the class; `none`: the pictures have no class; empty: found by its name."""


class Reading(NamedTuple):
    """The pictures at one path."""

    pictures: Iterator[LabeledPicture]
    class_names: tuple[str, ...] = ()
    """The declared classes, by index; empty where none are declared."""
    label_column: str = ""
    """Where the classes were taken from, where that was a choice; empty where it was none."""


def is_picture(name: str) -> bool:
    """Whether a file of this name is read as a picture: by its ending, unless it is hidden."""
    return PurePosixPath(name).suffix.lower() in ENDINGS and not is_hidden(name)


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder that it is in, is one that systems write for themselves."""
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def part_of_folder(name: str) -> bool | None:
    """Whether a file is held out, by the innermost of its folders that is named after a part; None without one."""
    folders = PurePosixPath(name).parts[-2::-1]
    return next((PARTS[folder.lower()] for folder in folders if folder.lower() in PARTS), None)


def part_of_file(name: str) -> bool | None:
    """Whether a file of many pictures is held out, by a word of its name or a folder, as `data/test-0001.parquet`.

    None where none names a part.
    """
    words = re.split(r"[^a-z]+", PurePosixPath(name).name.partition(".")[0].lower())
    return next((PARTS[word] for word in words if word in PARTS), part_of_folder(name))


def checked_class(label: object, where: str) -> str:
    """A class name. Raises BadInput unless it is one line of 1 to 200 characters."""
    if not isinstance(label, str) or not 0 < len(label) <= MAX_CLASS_NAME or label.splitlines() != [label]:
        raise BadInput(
            f"a class name must be one line of 1 to {MAX_CLASS_NAME} characters, got {str(label)[:40]!r} for {where}"
        )
    if any(0xD800 <= ord(letter) < 0xE000 or ord(letter) < 0x20 for letter in label):  # parts of UTF-16, controls
        raise BadInput(f"a class name must be text without control characters, got {label[:40]!r} for {where}")
    return label


def checked_box(sides: Any, where: str) -> Box:
    """A box of four whole numbers; UNKNOWN where one is negative. Raises BadInput."""
    if not isinstance(sides, list | tuple) or len(sides) != 4 or not all(isinstance(side, int) for side in sides):
        raise BadInput(f"a box must be four whole numbers x0, y0, x1, y1, got {str(sides)[:80]} for {where[:200]}")
    left, top, right, bottom = sides
    if min(sides) < 0:
        return UNKNOWN
    if right < left or bottom < top:
        raise BadInput(f"a box must have x1 >= x0 and y1 >= y0, got {str(sides)[:80]} for {where[:200]}")
    return left, top, right, bottom
