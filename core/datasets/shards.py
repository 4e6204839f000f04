"""A data set in several files: parquet tables, tars or zips of one folder, with their parts in their names.

`data/train-00000-of-00002.parquet`, `train/0000.parquet`, `imagenet-val-0007.tar`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

from core.datasets.file_tree import TABLE, FileTree, archive_kind
from core.datasets.labeled import PARTS, LabeledPicture, Reading, part_of_file
from core.errors import BadInput

OF = re.compile(r"(?P<start>.*)-(?P<number>\d{1,6})-of-(?P<count>\d{1,6})(?P<end>\.[A-Za-z.]+)", re.DOTALL)

Read = Callable[[str], Reading]
"""Path of a shard in its tree -> what is in it."""


def shards_of(tree: FileTree) -> list[str]:
    """Paths of the tables or archives of a folder, or of the tables in an archive, in order. Raises BadInput.

    They must be of one kind and of one folder, beside the folders of their parts, and complete.
    """
    shards = [name for name in tree.names if _kind(name, tree)]
    kinds = {_kind(name, tree): name for name in shards}
    if len(kinds) > 1:
        raise BadInput(f"{tree.name} holds files of several kinds, such as {_two(kinds.values())}: give one of them")
    homes = {_home(name): name for name in shards}
    if len(homes) > 1:
        raise BadInput(f"{tree.name} holds several data sets, such as {_two(homes.values())}: give one of them")
    _check_complete(shards, tree.name)
    return sorted(shards, key=_order)


def _kind(name: str, tree: FileTree) -> str:
    """The kind of a shard; empty for another file."""
    if name.lower().endswith(TABLE):
        return "" if PurePosixPath(name).name.lower() == f"metadata{TABLE}" else TABLE
    return archive_kind(name) if tree.folder else ""


def _two(names: Iterable[str]) -> str:
    return " and ".join(name[:80] for name in islice(names, 2))


def _home(name: str) -> tuple[str, ...]:
    """The folders of a shard, without those of parts."""
    return tuple(folder for folder in PurePosixPath(name).parts[:-1] if folder.lower() not in PARTS)


def _order(name: str) -> tuple[bool, list[tuple[int, int | str]]]:
    """Sort key: training first, then by name, with numbers by value."""
    pieces = re.split(r"(\d{1,9})", name)
    return bool(part_of_file(name)), [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces]


def _check_complete(shards: Sequence[str], where: str) -> None:
    """Raise BadInput where one of `...-00000-of-00002...` is missing."""
    numbers: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for name in shards:
        if match := OF.fullmatch(name):
            numbers[match["start"], match["count"], match["end"]].add(int(match["number"]))
    for (start, count, end), present in numbers.items():
        if missing := next((number for number in range(int(count)) if number not in present), None):
            raise BadInput(f"{where} lacks the file {start}-{missing:0{len(count)}}-of-{count}{end}")


def tables_reading(tree: FileTree, shards: Sequence[str], read: Read) -> Reading:
    """The pictures of all tables in order. Raises BadInput where their parts or classes do not fit together."""
    names: dict[tuple[str, ...], str] = {}
    for shard in shards:
        first = read(shard)
        names.setdefault(first.class_names, shard)
    if len(names) > 1:
        raise BadInput(f"the files of {tree.name} declare different classes, such as {_two(names.values())}")
    return Reading(pictures_of_shards(tree, shards, read), next(iter(names)), first.label_column)


def pictures_of_shards(tree: FileTree, shards: Sequence[str], read: Read) -> Iterator[LabeledPicture]:
    """The pictures of all shards in order, held out where the shard's part is. Raises BadInput."""
    parts = {name: part_of_file(name) for name in shards}
    if None in parts.values() and len(set(parts.values())) > 1:
        odd = next(name for name, part in parts.items() if part is None)
        raise BadInput(
            f"the part of {odd[:200]} is not clear from its name, as it is for others of {tree.name}: name it train, "
            "validation or test, or give the files one by one"
        )
    for shard in shards:
        for picture in read(shard).pictures:
            yield picture if parts[shard] is None else picture._replace(held_out=bool(parts[shard]))
