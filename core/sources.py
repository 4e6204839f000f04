"""Where a picture may come from by name: a shipped sample, a file, an item of a result."""

from __future__ import annotations

from core.errors import BadInput
from core.items import Image
from core.picture import Picture
from core.samples import open_picture
from core.spec import checked_key
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
