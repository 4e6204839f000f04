"""Contact sheets: sample images of each class of a data set, drawn once, then in this host's cache."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeVar

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from core.datasets.dataset import Dataset
from core.errors import BadInput
from core.media.picture import decoded
from core.store.store import Store

TILE_PX = 96
GAP_PX = 6
IMAGES_PER_ROW = 10
MAX_ROWS = 6
"""Rows of a class; several classes share 10 rows, with at least one each."""
MAX_IMAGES = 2_000
"""Images of a whole sheet; with many classes each has fewer."""
SMALL_PX = TILE_PX // 2
"""Images up to this side are enlarged by whole factors and stored losslessly."""
QUALITY = 85
MIXED, SQUARE = "mixed", "square"
"""Images of different classes, in a row and in a square: an overview of the data set."""
SQUARE_SIDE = 4
"""Images along a side of the square."""

T = TypeVar("T")

_drawing = threading.Lock()
"""One data set at a time: all of it is in memory while its sheet is drawn."""


def strip_of(store: Store, digest: str, part: str) -> bytes:
    """WebP of the images of one class (its index), of `MIXED` or of `SQUARE`. Raises BadInput, Damaged."""
    if content := _cached(store, digest, part):
        return content
    strips = draw_sheet(store, digest)
    if part not in strips:
        classes = len(strips.keys() - {MIXED, SQUARE})
        raise BadInput(f"a data set of {classes} classes has no class number {part[:20]!r}")
    return strips[part]


def is_cached(store: Store, digest: str) -> bool:
    """Whether the sheet is in this host's cache."""
    return _cached(store, digest, MIXED) is not None


def draw_sheet(store: Store, digest: str, dataset: Dataset | None = None) -> dict[str, bytes]:
    """All strips of a data set by part, also added to the cache; without `dataset`, it is read from the store."""
    with _drawing:
        strips = dict(_strips(dataset or store.inputs.dataset(digest)))
    for part, content in strips.items():
        if store.cache:
            store.cache.set(_cache_name(digest, part), content)
    return strips


def _cached(store: Store, digest: str, part: str) -> bytes | None:
    return store.cache.get(_cache_name(digest, part)) if store.cache else None


def _cache_name(digest: str, part: str) -> str:
    return f"contact-sheet:{digest}:{part}"


def _strips(dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    classes = [np.flatnonzero(dataset.labels == label) for label in range(len(dataset.class_names))]
    count = min(IMAGES_PER_ROW * rows_per_class(len(classes)), max(1, MAX_IMAGES // len(classes)))
    for number, members in enumerate(classes):
        yield str(number), strip([dataset.pictures[index] for index in _spread(members.tolist(), count)])
    nonempty = [members.tolist() for members in classes if len(members)]
    yield MIXED, strip([dataset.pictures[index] for index in _mixed(nonempty, IMAGES_PER_ROW)])
    images = [dataset.pictures[index] for index in _mixed(nonempty, SQUARE_SIDE**2)]
    yield SQUARE, strip(images, max(1, math.ceil(math.sqrt(len(images)))))


def _mixed(classes: Sequence[list[int]], count: int) -> list[int]:
    """At most `count` members of evenly spread classes, taking turns; with few classes, several of each."""
    selected = _spread(classes, count)
    members = [_spread(indices, -(-count // len(selected))) for indices in selected]
    return [index for turn in zip_longest(*members) for index in turn if index is not None][:count]


def rows_per_class(classes: int) -> int:
    """Rows of images for each class of a data set with this many classes."""
    return max(1, min(MAX_ROWS, 10 // classes))


def _spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` evenly spread items, including the first and the last."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places.tolist()]


def strip(pictures: Sequence[bytes], per_row: int = IMAGES_PER_ROW) -> bytes:
    """WebP of pictures in rows of `per_row` tiles of `TILE_PX`, on a transparent background."""
    tiles = [_tile(picture) for picture in pictures]
    step_px, rows = TILE_PX + GAP_PX, -(-len(tiles) // per_row)
    columns = min(len(tiles), per_row)
    sheet = PillowImage.new("RGBA", (max(1, columns * step_px - GAP_PX), max(TILE_PX, rows * step_px - GAP_PX)))
    for number, (tile, _) in enumerate(tiles):
        row, column = divmod(number, per_row)
        place = (column * step_px + (TILE_PX - tile.width) // 2, row * step_px + (TILE_PX - tile.height) // 2)
        sheet.paste(tile, place)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=QUALITY, lossless=all(small for _, small in tiles))
    return buffer.getvalue()


def _tile(picture: bytes) -> tuple[PillowImage.Image, bool]:
    """The picture scaled to a tile, and whether it was small."""
    tile = decoded(picture, "a picture of the data set", reduced_px=TILE_PX)
    if max(tile.size) <= SMALL_PX:
        times = TILE_PX // max(tile.size)
        return tile.resize((times * tile.width, times * tile.height), PillowImage.Resampling.NEAREST), True
    return ImageOps.contain(tile, (TILE_PX, TILE_PX), PillowImage.Resampling.LANCZOS), False
