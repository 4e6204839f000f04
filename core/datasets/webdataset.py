"""Samples of a WebDataset tar: files of one name up to its first dot, such as `0001.jpg` with `0001.cls`.

The class is the number or text in `.cls`, else the class that `.json` gives, else the line in `.txt`.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from core.datasets.file_tree import FileTree
from core.datasets.label_column import (
    NONE,
    OPTION,
    check_columns,
    chosen,
    class_of,
    label_column,
    may_be_class,
    refuse_choice,
    refuse_unnamed_classes,
)
from core.datasets.labeled import (
    ENDINGS,
    MAX_CLASS_NAME,
    UNLABELED,
    LabeledPicture,
    Reading,
    Wanted,
    is_picture,
)
from core.errors import BadInput

CLASS, DESCRIPTION, TEXT = "cls", "json", "txt"
FEW = 10
"""With so many samples, texts of which more than half are different are captions, not classes."""

Sample = Mapping[str, str]
"""What follows the first dot of a file's name, in lower case -> path of the file."""


def samples_of(tree: FileTree) -> Mapping[str, Sample]:
    """The samples of a tar with a picture and a file about it, by name; empty if none has such a file.

    Raises BadInput for a sample with a class and without a picture, or with several pictures.
    """
    samples: dict[str, dict[str, str]] = defaultdict(dict)
    for name in tree.names:
        path = PurePosixPath(name)
        stem, _, ending = path.name.partition(".")
        samples[(path.parent / stem).as_posix()][ending.lower()] = name
    pictured = {name: sample for name, sample in samples.items() if _pictures(sample)}
    if not any(sample.keys() & {CLASS, DESCRIPTION, TEXT} for sample in pictured.values()):
        return {}
    for name, sample in samples.items():
        if CLASS in sample and name not in pictured:
            raise BadInput(f"the sample {name[:200]} of {tree.name} has a class and no picture")
        if len(_pictures(sample)) > 1:
            raise BadInput(f"the sample {name[:200]} of {tree.name} has several pictures: {', '.join(sample)[:80]}")
    return pictured


def _pictures(sample: Sample) -> list[str]:
    """Paths of the pictures of a sample: such as `0001.png`, else such as `0001.image.png`."""
    plain = [path for ending, path in sample.items() if f".{ending}" in ENDINGS]
    return plain or [path for path in sample.values() if is_picture(path)]


def webdataset_reading(
    tree: FileTree, samples: Mapping[str, Sample], wanted: Wanted, names: tuple[str, ...], *, classes_told: bool
) -> Reading | None:
    """The pictures of the samples in order of their names. `names`: declared class names, by index. Raises BadInput.

    None where the samples tell no class, but the pictures' folders do, `classes_told`.
    """
    labels, column = _labels(tree, samples, wanted)
    if not labels and classes_told:
        return None
    if missing := next((name for name in samples if labels and name not in labels), None):
        raise BadInput(f"the sample {missing[:200]} of {tree.name} has no class, but others have one")
    return Reading(_labeled(tree, samples, labels, names), names if labels else (), column)


def _labels(tree: FileTree, samples: Mapping[str, Sample], wanted: Wanted) -> tuple[dict[str, object], str]:
    """The label of each sample that has one, and the key that it was taken from, where that was a choice."""
    if wanted.label_column == NONE:
        return {}, ""
    if not wanted.label_column and any(CLASS in sample for sample in samples.values()):
        return _texts(tree, samples, CLASS), ""
    described = _descriptions(tree, samples)
    keys = list(dict.fromkeys(key for table in described.values() for key in table))
    where = f"the JSON of {tree.name}"
    check_columns(keys, where)
    if not described:
        refuse_choice(wanted, tree.name)
    key = label_column(keys, where, wanted) if described else None
    if key is None:
        values = {key: [table.get(key) for table in described.values()] for key in keys if may_be_class(key)}
        refuse_unnamed_classes(values, where, wanted)
        return _texts(tree, samples, TEXT), ""
    return {name: table.get(key) for name, table in described.items()}, chosen(key, keys)


def _labeled(
    tree: FileTree, samples: Mapping[str, Sample], labels: Mapping[str, object], names: tuple[str, ...]
) -> Iterator[LabeledPicture]:
    for name, sample in samples.items():
        (path,) = _pictures(sample)
        where = f"sample {name[:200]} of {tree.name}"
        label = class_of(labels[name], names, where) if labels else UNLABELED
        yield LabeledPicture(f"{path} of {tree.name}", tree.picture(path), label, held_out=False)


def _descriptions(tree: FileTree, samples: Mapping[str, Sample]) -> dict[str, dict[str, Any]]:
    """The table in the `.json` of each sample that has one. Raises BadInput."""
    tables = {}
    for name, sample in samples.items():
        if DESCRIPTION not in sample:
            continue
        try:
            content = json.loads(tree.text(sample[DESCRIPTION]))
        except (ValueError, RecursionError):
            raise BadInput(f"{sample[DESCRIPTION][:200]} of {tree.name} must be JSON") from None
        tables[name] = content if isinstance(content, dict) else {"label": content}
    return tables


def _texts(tree: FileTree, samples: Mapping[str, Sample], kind: str) -> dict[str, object]:
    """The number or text in the `.cls` or `.txt` of each sample that has one. Raises BadInput for captions."""
    texts = {name: tree.text(sample[kind]).strip() for name, sample in samples.items() if kind in sample}
    if kind == TEXT and _are_captions(list(texts.values())):
        raise BadInput(
            f"the .txt files of {tree.name} look like captions, not classes: set {OPTION} to {NONE!r} to leave them out"
        )
    return {name: int(text) if re.fullmatch("-?[0-9]{1,9}", text) else text for name, text in texts.items()}


def _are_captions(texts: list[str]) -> bool:
    several_lines = any(len(text) > MAX_CLASS_NAME or len(text.splitlines()) > 1 for text in texts)
    return several_lines or (len(texts) >= FEW and len(Counter(texts)) > len(texts) / 2)
