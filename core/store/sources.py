"""Pictures, videos and data sets by name: bundled ones, files, and what is in the store."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core.datasets.digits import DIGITS, DIGITS_SOURCE, digits
from core.datasets.files import read_dataset
from core.datasets.record import default_name
from core.errors import BadInput
from core.items import Image
from core.jobs.spec import KEY_PATTERN, checked_key
from core.media.file_names import hinting_at_commas, listed_files
from core.media.picture import Picture
from core.media.samples import open_picture
from core.media.video import MAX_BYTES, read_video
from core.method_base.method import Method
from core.method_base.parameters import picture_fields, video_fields
from core.store.store import Store

RESULT_PREFIX = "result:"
DIGEST_PREFIX = re.compile(r"[0-9a-f]{8,64}")


def picture_from(source: str, store: Store) -> tuple[Picture, str]:
    """The picture that `source` names, and the name of its row.

    `source`: `sample:cat`, `style:mosaic`, a path, or `result:KEY/item` for an image of another result.
    Raises BadPicture, BadInput, Damaged.
    """
    if not source.startswith(RESULT_PREFIX):
        return open_picture(source)
    key, _, name = source.removeprefix(RESULT_PREFIX).partition("/")
    manifest = store.manifest(checked_key(key))
    if manifest is None:
        raise BadInput(f"there is no result {key[:12]}… in this store")
    item = store.item(manifest, name)
    if not isinstance(item, Image):
        raise BadInput(
            f"{name} of result {key[:12]}… must be an image to be used as a picture, it is of kind {item.kind}"
        )
    return Picture.from_pixels(item.pixels), f"{name} of {key[:12]}"


def pictures_from(text: str, store: Store) -> list[tuple[Picture, str]]:
    """The pictures that a comma-separated list names, and the names of their rows: files of one name with folders.

    Raises BadPicture, BadInput, Damaged.
    """
    sources = list(dict.fromkeys(listed_files(text)))
    with hinting_at_commas(text):
        opened = [picture_from(source, store) for source in sources]
    times = Counter(name for _, name in opened)
    files = [Path(source) for source, (_, name) in zip(sources, opened, strict=True) if times[name] > 1]
    return [
        (picture, _with_folders(Path(source), files) if times[name] > 1 else name)
        for source, (picture, name) in zip(sources, opened, strict=True)
    ]


def _with_folders(file: Path, files: Sequence[Path]) -> str:
    """The path's end with as few folders as tell it from others of its name among `files`."""
    others = [other.parts for other in files if other.name == file.name and other != file]
    count = 2
    while count < len(file.parts) and any(other[-count:] == file.parts[-count:] for other in others):
        count += 1
    return "/".join(file.parts[-count:])


def with_digests(method: type[Method], parameters: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """The parameters with digests in place of pictures and videos, which are put into the store.

    A picture: as for `picture_from`, or the digest of a stored one; several are comma-separated, and a path with a
    comma is in double quotes. A video: a path, or the digest of a stored one.
    Raises BadPicture, BadInput, Damaged, StoreFull.
    """
    resolved = dict(parameters)
    for name in set(video_fields(method)) & parameters.keys():
        if isinstance(source := parameters[name], str) and source:
            resolved[name] = _video_digest(source, store)
    for name in set(picture_fields(method)) & parameters.keys():
        value = parameters[name]
        sources = listed_files(value) if isinstance(value, str) else value
        if isinstance(sources, list | tuple) and all(isinstance(source, str) for source in sources):
            with hinting_at_commas(value):
                digests = [_picture_digest(source.strip(), store) for source in sources if source.strip()]
            resolved[name] = ",".join(digests)
    return resolved


def _picture_digest(source: str, store: Store) -> str:
    if KEY_PATTERN.fullmatch(source):
        return store.inputs.picture(source).digest
    return store.inputs.put_picture(picture_from(source, store)[0])


def _video_digest(source: str, store: Store) -> str:
    if KEY_PATTERN.fullmatch(source):
        return store.inputs.video(source).digest
    path = Path(source)
    if not path.is_file():
        raise BadInput(f"there is no file {source[:200]!r}")
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(
            f"{path.name[:80]} must be at most {MAX_BYTES / 1e6:.0f} MB, got {path.stat().st_size / 1e6:.2f} MB"
        )
    return store.inputs.put_video(read_video(path.read_bytes(), path.name))


def known_dataset(source: str, store: Store) -> tuple[str, str]:
    """(digest, name) of a bundled or stored data set, by its name, its digest or the first 8 or more digits of that.

    Raises BadInput where there is none, or more than one.
    """
    if source == DIGITS:
        return store.inputs.put_dataset(digits(), DIGITS, DIGITS_SOURCE), DIGITS
    listed = [(digest, record.title if record else digest[:12]) for digest, record in store.inputs.datasets()]
    prefix = source if DIGEST_PREFIX.fullmatch(source) else None
    matches = [(digest, name) for digest, name in listed if source == name or (prefix and digest.startswith(prefix))]
    if len(matches) > 1:
        digests = ", ".join(digest[:12] for digest, _ in matches[:4])
        raise BadInput(f"there are {len(matches)} data sets {source[:80]!r}: give the digest of one of {digests}")
    if not matches:
        raise BadInput(f"there is no data set {source[:80]!r} in this store")
    return matches[0]


def datasets_from(text: str, store: Store) -> list[tuple[str, str]]:
    """(digest, name) of each of comma-separated data sets; those of one name are told apart by their digest.

    Raises BadInput, BadPicture, StoreFull.
    """
    with hinting_at_commas(text):
        found = [dataset_from(source, store) for source in listed_files(text, partial(is_dataset_name, store=store))]
    times = Counter(name for _, name in dict.fromkeys(found))
    return [(digest, f"{name} ({digest[:8]})" if times[name] > 1 else name) for digest, name in found]


def is_dataset_name(name: str, store: Store) -> bool:
    """Whether a stored data set has this name."""
    return any(record is not None and record.title == name for _, record in store.inputs.datasets())


def dataset_from(source: str, store: Store) -> tuple[str, str]:
    """(digest, name) of a data set: the files at a path, which are put into the store, or as for `known_dataset`.

    Raises BadInput, BadPicture, StoreFull.
    """
    path = Path(source).expanduser()
    if not path.exists():
        return known_dataset(source, store)
    name = default_name([path.name])
    return store.inputs.put_dataset(read_dataset([path], labeled=False), name, f"read from {path.name}"), name
