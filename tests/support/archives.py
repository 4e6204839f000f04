"""A gallery's zip as bytes."""

from __future__ import annotations

import io

from core.export.archive import export_zip, import_zip
from core.store.gallery import Gallery
from core.store.store import Store


def exported(store: Store, gallery: Gallery) -> bytes:
    with export_zip(store, gallery) as archive:
        return archive.read()


def imported(store: Store, data: bytes) -> Gallery:
    return import_zip(store, io.BytesIO(data))
