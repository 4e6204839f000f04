"""Pictures and labels in the files of MNIST and Fashion-MNIST: `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte.gz`.

Such a file begins with two zeros, 8 for bytes, the number of its dimensions, and the size of each as four bytes; then
come the bytes themselves.
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
"""Of one file, unpacked."""
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
"""The classes of Fashion-MNIST, by label."""
PARTS = {"train": False, "t10k": True, "test": True}
"""How a file's name begins -> whether its pictures are held out."""
DIMENSIONS = {"images": 3, "labels": 1}

Read = Callable[[str], bytes]
"""A file's name -> its bytes."""


class LabeledPicture(NamedTuple):
    """One picture as PNG; `name` is for messages."""

    name: str
    png: bytes
    label: str
    held_out: bool


def idx_files(names: Collection[str]) -> dict[tuple[str, str], str]:
    """(part, images or labels) -> the file's name; of one that is there twice, the one that is not packed.

    Raises BadInput where they are of several data sets.
    """
    found: dict[tuple[str, str], str] = {}
    homes = set()
    for name in sorted(names, key=lambda name: (name.lower().endswith(".gz"), name)):
        path = PurePosixPath(name)
        if match := NAMED.fullmatch(path.name):
            found.setdefault((match[2].lower(), match[3].lower()), name)
            folder = path.parent.parent if NAMED.fullmatch(path.parent.name) else path.parent  # some unpack each apart
            homes.add(f"{folder}/{match[1] or ''}")
    if len(homes) > 1:
        raise BadInput(f"there are idx files of several data sets, {' and '.join(sorted(homes)[:2])}: give one of them")
    return found


def labeled_pictures(
    files: Mapping[tuple[str, str], str], read: Read, classes: tuple[str, ...]
) -> Iterator[LabeledPicture]:
    """The pictures of every part, in their order. `classes`: names by label. Raises BadInput."""
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
        raise BadInput(f"{_short(name)} has {len(images):,} pictures, and there are {len(labels):,} labels to them")
    if len(strange := np.flatnonzero(labels >= len(classes))):
        first = int(strange[0])
        raise BadInput(
            f"the label of picture {first + 1:,} of {_short(name)} must be 0 to {len(classes) - 1}, got {labels[first]}"
        )
    for number, (pixels, label) in enumerate(zip(images, labels.tolist(), strict=True), 1):
        yield LabeledPicture(f"picture {number} of {_short(name)}", gray_png(pixels), classes[label], held_out)


def parsed(content: bytes, name: str, dimensions: int) -> NDArray[np.uint8]:
    """The array of so many dimensions in a file, whose name ends in `.gz` where it is packed. Raises BadInput."""
    short = _short(name)
    try:
        with gzip.open(io.BytesIO(content)) if name.lower().endswith(".gz") else io.BytesIO(content) as file:
            head = file.read(4 + 4 * dimensions)
            sizes = _sizes(head, short, dimensions)
            expected = math.prod(sizes)
            body = file.read(expected + 1)  # never more than was promised, however much is packed into it
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{short} is damaged: {' '.join(str(error).split())[:200]}") from None
    if len(body) != expected:
        much = "more" if len(body) > expected else f"{len(body):,}"
        raise BadInput(f"{short} must have {expected:,} bytes after its {len(head)} of header, it has {much}")
    return np.frombuffer(body, np.uint8).reshape(sizes)


def _sizes(head: bytes, short: str, dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, 8, dimensions))
    if len(head) < 4 + 4 * dimensions or head[:4] != magic:
        raise BadInput(f"{short} must begin with the bytes {magic.hex(' ')} and its sizes, got {head.hex(' ')}")
    sizes = struct.unpack(f">{dimensions}I", head[4:])
    if not 0 < math.prod(sizes) <= MAX_BYTES:
        said = " x ".join(f"{size:,}" for size in sizes)
        raise BadInput(f"{short} says that it holds {said} bytes, allowed are 1 to {MAX_BYTES:,}")
    return sizes


def _short(name: str) -> str:
    return PurePosixPath(name).name[:80]
