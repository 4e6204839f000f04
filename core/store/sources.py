"""Where a picture or a data set may come from by name: what is shipped, a file, what is in the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.datasets.digits import DIGITS, DIGITS_SOURCE, digits
from core.datasets.files import read_dataset
from core.datasets.record import default_name
from core.errors import BadInput
from core.items import Image
from core.jobs.spec import KEY_PATTERN, checked_key
from core.media.picture import Picture
from core.media.samples import open_picture
from core.media.video import MAX_BYTES, read_video
from core.method_base.method import Method, picture_fields, video_fields
from core.store.store import Store

RESULT_PREFIX = "result:"
DIGEST_BEGINNING = re.compile(r"[0-9a-f]{8,64}")


def picture_from(source: str, store: Store) -> tuple[Picture, str]:
    """The picture that `source` names, and the name of its row.

    `sample:cat`, `style:mosaic`, a file's path, or `result:KEY/item`: a picture made by one method goes into the next.
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
        raise BadInput(f"{name} of result {key[:12]}… is a {item.kind}; only an image can be looked at again")
    return Picture.from_pixels(item.pixels), f"{name} of {key[:12]}"


def with_digests(method: type[Method], parameters: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """The parameters of a method, with digests for the pictures and videos that they name; these are in the store then.

    A picture is named as for `picture_from`, or by its digest where it is there; several comma-separated. A video is
    a file or the digest of one that is there. Raises BadPicture, BadInput, Damaged.
    """
    found = dict(parameters)
    for name in set(video_fields(method)) & parameters.keys():
        if isinstance(source := parameters[name], str) and source:
            found[name] = _video_of(source, store)
    for name in set(picture_fields(method)) & parameters.keys():
        value = parameters[name]
        sources = value.split(",") if isinstance(value, str) else value
        if isinstance(sources, list | tuple) and all(isinstance(source, str) for source in sources):
            digests = [_digest_of(source.strip(), store) for source in sources if source.strip()]
            found[name] = ",".join(digests)
    return found


def _digest_of(source: str, store: Store) -> str:
    if KEY_PATTERN.fullmatch(source):
        return store.picture(source).digest
    return store.put_picture(picture_from(source, store)[0])


def _video_of(source: str, store: Store) -> str:
    if KEY_PATTERN.fullmatch(source):
        return store.video(source).digest
    path = Path(source)
    if not path.is_file():
        raise BadInput(f"there is no file {source[:200]!r}")
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(f"{path.name[:80]} has more than the {MAX_BYTES / 1e6:.0f} MB that a video may have")
    return store.put_video(read_video(path.read_bytes(), path.name))


def known_dataset(source: str, store: Store) -> tuple[str, str]:
    """Digest and name of a data set that is shipped or in the store: by its name, its digest or how that begins.

    Raises BadInput where there is none, or more than one.
    """
    if source == DIGITS:
        return store.put_dataset(digits(), DIGITS, DIGITS_SOURCE), DIGITS
    listed = [(digest, record.title if record else digest[:12]) for digest, record in store.datasets()]
    begins = source if DIGEST_BEGINNING.fullmatch(source) else None
    found = [(digest, name) for digest, name in listed if source == name or (begins and digest.startswith(begins))]
    if len(found) > 1:
        which = ", ".join(digest[:12] for digest, _ in found[:4])
        raise BadInput(f"there are {len(found)} data sets {source[:80]!r}: give the digest of one, {which}")
    if not found:
        raise BadInput(f"there is no data set {source[:80]!r} in this store")
    return found[0]


def dataset_from(source: str, store: Store) -> tuple[str, str]:
    """The same, or of what lies at a path, which is kept in the store then. Raises BadInput, BadPicture, StoreFull."""
    path = Path(source)
    if not path.exists():
        return known_dataset(source, store)
    name = default_name([path.name])
    return store.put_dataset(read_dataset([path], labeled=False), name, f"read from {path.name}"), name
