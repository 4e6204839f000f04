"""Where a picture or a data set may come from by name: what is shipped, a file, what is in the store."""

from __future__ import annotations

from pathlib import Path

from core.dataset_files import read_dataset
from core.errors import BadInput
from core.items import Image
from core.picture import Picture
from core.samples import open_picture
from core.spec import KEY_PATTERN, checked_key
from core.store import Store

RESULT_PREFIX = "result:"


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


def dataset_from(source: str, store: Store) -> tuple[str, str]:
    """The digest of the data set that `source` names, which is in the store then, and the name of its row.

    A digest of one that is there, or a path. Raises BadInput, BadPicture, Damaged, StoreFull.
    """
    if KEY_PATTERN.fullmatch(source):
        return store.kept_dataset(source).digest, source[:12]
    path = Path(source)
    return store.put_dataset(read_dataset([path])), path.name
