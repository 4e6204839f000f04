"""Pictures and labels in the idx files of MNIST and Fashion-MNIST, such as `train-images-idx3-ubyte`.

An idx file begins with two zero bytes, 8 for the type byte, the number of dimensions, and each size as four bytes; the
values follow.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.media.gray_png import gray_png

NAMED = re.compile(r"(.*[-_])?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?", re.IGNORECASE)
MAX_BYTES = 2**30
"""Size limit of one unpacked file."""
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
"""The classes of Fashion-MNIST, by label."""
PARTS = {"train": False, "t10k": True, "test": True}
"""Start of a file's name -> whether its pictures are held out."""
DIMENSIONS = {"images": 3, "labels": 1}
"""Content of a file -> number of dimensions."""

Read = Callable[[str], bytes]
"""File name -> content."""


class LabeledPicture(NamedTuple):
    """One picture as PNG with its class; `name` is used in messages."""

    name: str
    png: bytes
    label: str
    held_out: bool


def idx_files(names: Collection[str]) -> dict[tuple[str, str], str]:
    """(part, `images` or `labels`) -> file name; an unpacked file comes before its packed copy.

    Raises BadInput where the files belong to several data sets.
    """
    files: dict[tuple[str, str], str] = {}
    prefixes = set()
    for name in sorted(names, key=lambda name: (name.lower().endswith(".gz"), name)):
        path = PurePosixPath(name)
        if match := NAMED.fullmatch(path.name):
            files.setdefault((match[2].lower(), match[3].lower()), name)
            own_folder = NAMED.fullmatch(path.parent.name)  # some programs unpack each file into a folder of its own
            folder = path.parent.parent if own_folder else path.parent
            prefixes.add(f"{folder}/{match[1] or ''}")
    if len(prefixes) > 1:
        names_text = " and ".join(sorted(prefixes)[:2])
        raise BadInput(f"the idx files must be of one data set, got several: {names_text}")
    return files


def labeled_pictures(
    files: Mapping[tuple[str, str], str], read: Read, classes: tuple[str, ...]
) -> Iterator[LabeledPicture]:
    """The pictures of all parts, in file order; `classes`: class names by label. Raises BadInput."""
    for part in sorted({part for part, _ in files}, key=list(PARTS).index):
        for what, rank in DIMENSIONS.items():
            if (part, what) not in files:
                raise BadInput(f"the file {part}-{what}-idx{rank}-ubyte is missing")
        images, labels = (parsed(read(files[part, what]), files[part, what], rank) for what, rank in DIMENSIONS.items())
        yield from _of_part(files[part, "images"], images, labels, classes, held_out=PARTS[part])


def _of_part(
    name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: tuple[str, ...], *, held_out: bool
) -> Iterator[LabeledPicture]:
    if len(images) != len(labels):
        raise BadInput(
            f"{_short(name)} must have a label for each picture, got {len(images):,} and {len(labels):,} labels"
        )
    if len(unknown := np.flatnonzero(labels >= len(classes))):
        first = int(unknown[0])
        raise BadInput(
            f"the label of picture {first + 1:,} of {_short(name)} must be 0 to {len(classes) - 1}, got {labels[first]}"
        )
    for number, (pixels, label) in enumerate(zip(images, labels.tolist(), strict=True), 1):
        yield LabeledPicture(f"picture {number} of {_short(name)}", gray_png(pixels), classes[label], held_out)


def parsed(content: bytes, name: str, dimensions: int) -> NDArray[np.uint8]:
    """The array of so many dimensions in an idx file, which is packed if its name ends in `.gz`. Raises BadInput."""
    short = _short(name)
    try:
        with gzip.open(io.BytesIO(content)) if name.lower().endswith(".gz") else io.BytesIO(content) as file:
            head = file.read(4 + 4 * dimensions)
            sizes = _sizes(head, short, dimensions)
            expected = math.prod(sizes)
            body = file.read(expected + 1)  # never unpacks more than the header declares
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{short} is damaged: {' '.join(str(error).split())[:200]}") from None
    if len(body) != expected:
        got = "more" if len(body) > expected else f"{len(body):,}"
        raise BadInput(f"{short} must have {expected:,} bytes after its header of {len(head)} bytes, got {got}")
    return np.frombuffer(body, np.uint8).reshape(sizes)


def _sizes(head: bytes, short: str, dimensions: int) -> tuple[int, ...]:
    """The sizes that the header declares. Raises BadInput."""
    magic = bytes((0, 0, 8, dimensions))
    if len(head) < 4 + 4 * dimensions or head[:4] != magic:
        raise BadInput(f"{short} must begin with the bytes {magic.hex(' ')} and its sizes, got {head.hex(' ')}")
    sizes = struct.unpack(f">{dimensions}I", head[4:])
    if not 0 < math.prod(sizes) <= MAX_BYTES:
        declared = " x ".join(f"{size:,}" for size in sizes)
        raise BadInput(f"{short} must hold 1 to {MAX_BYTES:,} bytes, its header declares {declared}")
    return sizes


def _short(name: str) -> str:
    return PurePosixPath(name).name[:80]
