"""Where a picture or a data set may come from by name: what is shipped, a file, what is in the store."""

from __future__ import annotations

import re
from pathlib import Path

from core.dataset_files import read_dataset
from core.dataset_record import default_name
from core.digits import DIGITS, DIGITS_SOURCE, digits
from core.errors import BadInput
from core.items import Image
from core.picture import Picture
from core.samples import open_picture
from core.spec import checked_key
from core.store import Store

RESULT_PREFIX = "result:"
DIGEST_BEGINNING = re.compile(r"[0-9a-f]{8,64}")


def picture_from(source: str, store: Store) -> tuple[Picture, str]:
    """The picture that `source` names, and the name of its row.

    `sample:cat`, a file's path, or `result:KEY/item`: a picture made by one method goes into the next.
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
    return store.put_dataset(read_dataset([path], labelled=False), name, f"read from {path.name}"), name
