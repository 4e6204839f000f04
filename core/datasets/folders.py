"""Pictures whose class is given by their path: class folders, also within `train` and `val`, and numbered files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from core.datasets.file_tree import FileTree, is_wrapped, parts_are_wrapped
from core.datasets.label_column import NONE, OPTION
from core.datasets.labeled import PARTS, UNKNOWN, UNLABELED, Box, LabeledPicture, Wanted, checked_box
from core.errors import BadInput

NUMBERED = re.compile(r"([0-9]{1,6})_")
"""Start of a file name that gives the class index; a date, such as 20260131_, gives none."""
BOXES_FILE = "boxes.json"
"""File in a folder of pictures: file name -> box."""
TABLES = (".csv", ".tsv", ".jsonl", ".xlsx", ".xls", ".ods", ".cls")
LISTS, LABEL_WORDS = (
    (".json", ".txt", ".xml", ".npy", ".mat", ".pkl"),
    ("label", "class", "annotation", "target", "categor"),
)
"""A file that ends so and has such a word in its path may tell the classes of pictures beside it, as any table may."""


def folder_pictures(tree: FileTree, wanted: Wanted) -> Iterator[LabeledPicture]:
    """The pictures of a folder or an archive in order of their names. Raises BadInput."""
    names = _unwrapped(tree)
    _check_parts(names, tree.name)
    inner = {name: _inside_part(path) for name, path in names.items()}
    numbered = _are_numbered(list(inner.values()))
    boxes = _boxes_in(tree) if wanted.boxes else {}
    if not numbered:
        _refuse_other_folders(inner.values(), tree.name, wanted)
        if len({_class_folder(path) for path in inner.values()}) < 2:
            _refuse_label_files(tree, wanted)
    for name, path in names.items():
        label = _numbered_class(path, inner[name]) if numbered else _class_folder(inner[name])
        if label == UNLABELED and wanted.labeled:
            raise BadInput(
                f"each picture must be in a folder named after its class, or be named <class index>_<anything>: "
                f"{path[:200]!r} is not"
            )
        label = UNLABELED if wanted.label_column == NONE else label
        yield LabeledPicture(path, tree.picture(name), label, _in_held_out_part(path), boxes.get(name, UNKNOWN))


def folders_tell_classes(tree: FileTree) -> bool:
    """Whether each picture is in one of at least two class folders."""
    classes = {_class_folder(_inside_part(path)) for path in _unwrapped(tree).values()}
    return len(classes) > 1 and UNLABELED not in classes


def _unwrapped(tree: FileTree) -> dict[str, str]:
    """Path of each picture -> the path without the one folder that holds them all, if there is such a folder."""
    names = tree.pictures
    wrapped = is_wrapped(names) if tree.folder is None else parts_are_wrapped(names)
    return {name: name.partition("/")[2] if wrapped else name for name in names}


def _part_folder(path: str) -> str | None:
    """The part that a picture's first folder names, in lower case; None where it names none."""
    folders = PurePosixPath(path).parts[:-1]
    return folders[0].lower() if folders and folders[0].lower() in PARTS else None


def _inside_part(path: str) -> str:
    return path.partition("/")[2] if _part_folder(path) else path


def _in_held_out_part(path: str) -> bool:
    part = _part_folder(path)
    return part is not None and PARTS[part]


def _class_folder(path: str) -> str:
    """The first folder of a path inside a part; UNLABELED without one. Raises ValueError for a name that is no text."""
    path.encode()
    folders = PurePosixPath(path).parts[:-1]
    return folders[0] if folders else UNLABELED


def _check_parts(names: Mapping[str, str], where: str) -> None:
    """Raise BadInput where folders of classes stand beside the parts, and pictures beside neither's."""
    paths = list(names.values())
    inside = next((path for path in paths if _part_folder(path)), None)
    beside = next((path for path in paths if not _part_folder(path)), None)
    if inside and beside:
        raise BadInput(
            f"either all pictures of {where} are in parts, such as train and val, or none is: {inside[:100]!r} is, "
            f"{beside[:100]!r} is not"
        )


def _are_numbered(paths: Sequence[str]) -> bool:
    """Whether the pictures are in no folder and each is named `<class index>_...`.

    Raises BadInput where most of those in no folder are named so, and another picture is not.
    """
    loose = [path for path in paths if "/" not in path]
    if sum(NUMBERED.match(path) is not None for path in loose) * 2 <= len(loose):
        return False
    if odd := next((path for path in paths if not NUMBERED.match(path)), None):
        raise _unnumbered(odd)
    return True


def _unnumbered(name: str) -> BadInput:
    return BadInput(f"a picture's file must be named <class index>_<anything> like the others, got {name[:200]!r}")


def _numbered_class(path: str, inner: str) -> str:
    match = NUMBERED.match(inner)
    if match is None:
        raise _unnumbered(path)
    return str(int(match[1]))


def _refuse_other_folders(paths: Collection[str], where: str, wanted: Wanted) -> None:
    """Raise BadInput where the folders that stand for classes seem to be parts, or to hold the folders of classes."""
    folders = sorted({_class_folder(path) for path in paths})
    words = [PARTS.keys() & re.findall("[a-z]+", folder.lower()) for folder in folders]
    if all(words) and len({PARTS[word] for found in words for word in found}) > 1:
        raise BadInput(
            f"the folders of {where} are named like parts, not classes, such as {folders[0][:80]} and "
            f"{folders[-1][:80]}: name them train, val or test"
        )
    inner = sorted({parts[1] for parts in (PurePosixPath(path).parts for path in paths) if len(parts) > 2})
    named = [folder for folder in inner if not folder.isdecimal()]
    if len(folders) == 1 and len(named) > 1 and wanted.label_column != NONE:
        raise BadInput(
            f"all pictures of {where} are in the folder {folders[0][:80]}, in which {named[0][:80]} and "
            f"{named[1][:80]} may be classes: leave out the folder {folders[0][:80]}, or set {OPTION} to {NONE!r}"
        )


def _refuse_label_files(tree: FileTree, wanted: Wanted) -> None:
    """Raise BadInput where no folder tells the classes, but a file beside the pictures may."""
    if wanted.label_column == NONE:
        return
    for name in tree.names:
        if _may_tell_classes(name.lower()):
            raise BadInput(
                f"{tree.name} has no class folders, but {name[:200]} may tell the classes: name it metadata.csv, with "
                f"the columns file_name and label, or set {OPTION} to {NONE!r}"
            )


def _may_tell_classes(file: str) -> bool:
    is_list = PurePosixPath(file).stem in PARTS or any(word in file for word in LABEL_WORDS)
    return file.endswith(TABLES) or (file.endswith(LISTS) and is_list)


def _boxes_in(tree: FileTree) -> dict[str, Box]:
    """Path of a picture -> box, from `boxes.json`; empty if there is no such file. Raises BadInput."""
    if BOXES_FILE not in tree.known:
        return {}
    try:
        boxes = json.loads(tree.text(BOXES_FILE))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{BOXES_FILE} of {tree.name} cannot be read: {str(error)[:80]}") from None
    if not isinstance(boxes, dict):
        raise BadInput(f"{BOXES_FILE} must be a table of file names and boxes, got a {type(boxes).__name__}")
    return {name: checked_box(sides, f"{name} in {BOXES_FILE}") for name, sides in boxes.items()}
