"""A few pictures of each class of a data set, side by side: drawn once, then in this host's fast tier."""

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
from core.store.store import Store

TILE_PX = 96
GAP_PX = 6
PICTURES_A_ROW = 10
ROWS_MAX = 6
"""Of one class; where there are several, they share these and a few more."""
PICTURES_MAX = 2_000
"""Of a whole sheet; where there are many classes, fewer of each are shown."""
SMALL_PX = TILE_PX // 2
"""Pictures of at most this side are enlarged, pixel by pixel, and kept exactly."""
QUALITY = 85
MIXED, SQUARE = "mixed", "square"
"""Pictures of different classes, in a row and in a square: the data set at a glance."""
SQUARE_SIDE = 4
"""Pictures along a side of the square."""

Thing = TypeVar("Thing")

_drawing = threading.Lock()
"""One data set at a time: it is in memory as a whole while it is drawn."""


def strip_of(store: Store, digest: str, part: str) -> bytes:
    """WebP of the pictures of one class, by its number, of `MIXED` or of `SQUARE`. Raises BadInput, Damaged."""
    if content := _kept(store, digest, part):
        return content
    strips = draw_sheet(store, digest)
    if part not in strips:
        classes = len(strips.keys() - {MIXED, SQUARE})
        raise BadInput(f"a data set of {classes} classes has no class number {part[:20]!r}")
    return strips[part]


def is_drawn(store: Store, digest: str) -> bool:
    """Whether this host has the sheet at hand."""
    return _kept(store, digest, MIXED) is not None


def draw_sheet(store: Store, digest: str, dataset: Dataset | None = None) -> dict[str, bytes]:
    """Every strip of a data set, which is read unless it is given, by the number of its class; kept for later."""
    with _drawing:
        strips = dict(_strips(dataset or store.dataset(digest)))
    for part, content in strips.items():
        if store.cache:
            store.cache.set(_name(digest, part), content)
    return strips


def _kept(store: Store, digest: str, part: str) -> bytes | None:
    return store.cache.get(_name(digest, part)) if store.cache else None


def _name(digest: str, part: str) -> str:
    return f"contact-sheet:{digest}:{part}"


def _strips(dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    classes = [np.flatnonzero(dataset.labels == label) for label in range(len(dataset.class_names))]
    each = min(PICTURES_A_ROW * rows_of_each(len(classes)), max(1, PICTURES_MAX // len(classes)))
    for number, members in enumerate(classes):
        yield str(number), strip([dataset.pictures[index] for index in _spread(members.tolist(), each)])
    filled = [members.tolist() for members in classes if len(members)]
    yield MIXED, strip([dataset.pictures[index] for index in _mixed(filled, PICTURES_A_ROW)])
    some = [dataset.pictures[index] for index in _mixed(filled, SQUARE_SIDE**2)]
    yield SQUARE, strip(some, max(1, math.ceil(math.sqrt(len(some)))))


def _mixed(classes: Sequence[list[int]], count: int) -> list[int]:
    """At most so many of the members of some classes, in turns; where there are few classes, several of each."""
    shown = _spread(classes, count)
    each = [_spread(members, -(-count // len(shown))) for members in shown]
    return [index for turn in zip_longest(*each) for index in turn if index is not None][:count]


def rows_of_each(classes: int) -> int:
    """How many rows of pictures each of so many classes has: many where there are few classes."""
    return max(1, min(ROWS_MAX, 10 // classes))


def _spread(things: Sequence[Thing], count: int) -> list[Thing]:
    """At most so many of them, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int)
    return [things[place] for place in places.tolist()]


def strip(pictures: Sequence[bytes], a_row: int = PICTURES_A_ROW) -> bytes:
    """Pictures from left to right in rows of so many, `TILE_PX` each, on nothing, as WebP."""
    tiles = [_tile(picture) for picture in pictures]
    step_px, rows = TILE_PX + GAP_PX, -(-len(tiles) // a_row)
    columns = min(len(tiles), a_row)
    sheet = PillowImage.new("RGBA", (max(1, columns * step_px - GAP_PX), max(TILE_PX, rows * step_px - GAP_PX)))
    for number, (tile, _) in enumerate(tiles):
        row, column = divmod(number, a_row)
        place = (column * step_px + (TILE_PX - tile.width) // 2, row * step_px + (TILE_PX - tile.height) // 2)
        sheet.paste(tile, place)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=QUALITY, lossless=all(small for _, small in tiles))
    return buffer.getvalue()


def _tile(picture: bytes) -> tuple[PillowImage.Image, bool]:
    """A picture that fits, as networks are shown it, and whether it was small."""
    with PillowImage.open(io.BytesIO(picture)) as image:
        image.draft("RGB", (TILE_PX, TILE_PX))  # of a JPEG, no more is decoded than is needed
        tile = image.convert("RGB")
    if max(tile.size) <= SMALL_PX:
        times = TILE_PX // max(tile.size)
        return tile.resize((times * tile.width, times * tile.height), PillowImage.Resampling.NEAREST), True
    return ImageOps.contain(tile, (TILE_PX, TILE_PX), PillowImage.Resampling.LANCZOS), False
