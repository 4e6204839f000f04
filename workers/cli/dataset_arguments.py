"""The data set that a command was given: paths to read, or a data set of the store."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from core.datasets.dataset import Dataset
from core.datasets.files import read_dataset
from core.datasets.record import default_name
from core.errors import BadInput
from core.media.file_names import hinting_at_commas, listed_files
from core.store.sources import is_dataset_name, known_dataset
from core.store.store import Store


def labeled_dataset(
    data: str, held_out: str, store: Store, *, only_held_out: bool = False, boxes: bool = False
) -> Dataset:
    """The labeled pictures at comma-separated paths, or of a stored data set by name or digest.

    `only_held_out`: all pictures at the paths are held out; `boxes`: with the objects' boxes. Raises BadInput,
    BadPicture, Damaged.
    """
    if not held_out and (dataset := stored_dataset(data, store)):
        return dataset
    paths = existing_paths(data)
    if only_held_out:
        return read_dataset([], paths, boxes=boxes)
    return read_dataset(paths, existing_paths(held_out), boxes=boxes)


def stored_dataset(data: str, store: Store) -> Dataset | None:
    """The stored data set of this name or digest; None if `data` is a path. Raises BadInput if it is neither."""
    names = _names(data, store)
    if len(names) != 1 or _path(names[0]).exists():
        return None
    try:
        digest, _ = known_dataset(names[0], store)
    except BadInput as error:
        raise BadInput(f"{error}, and no such file or folder") from None
    return store.inputs.dataset(digest)


def store_dataset(dataset: Dataset, data: str, store: Store) -> str:
    """Put the data set that `labeled_dataset` gave for `data` into the store, named after its paths; its digest."""
    paths = [path for path in map(_path, _names(data, store)) if path.exists()]
    return store.inputs.put_dataset(dataset, default_name([path.name for path in paths]), origin(paths))


def existing_paths(text: str) -> list[Path]:
    """Comma-separated paths. Raises BadInput for one that does not exist."""
    paths = list(map(_path, dict.fromkeys(listed_files(text))))
    with hinting_at_commas(text):
        for path in paths:
            if not path.exists():
                raise BadInput(f"there is no file or folder {str(path)[:200]!r}")
    return paths


def origin(paths: list[Path]) -> str:
    """The source that a data set's record names; empty without paths."""
    return f"read from {', '.join(path.name for path in paths)}" if paths else ""


def _names(data: str, store: Store) -> list[str]:
    """The parts of `--data`: paths, or the name or digest of a stored data set."""
    return listed_files(data, partial(is_dataset_name, store=store))


def _path(text: str) -> Path:
    return Path(text).expanduser()
