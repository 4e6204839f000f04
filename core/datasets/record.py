"""What is told of a data set without reading it: a small record beside it in the store.

The data set is the truth. Its record can be lost, changed by another name, and made anew.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.canonical import canonical_json, digest_of, parsed_json
from core.datasets.dataset import Dataset
from core.errors import BadInput, Damaged

MAX_NAME = 80
MAX_SOURCE = 200

Count = Annotated[int, Field(ge=0)]
Size = tuple[Count, Count]
"""Width and height in pixels."""


class ClassCount(NamedTuple):
    """How many pictures of a class there are to learn from, and how many are held out."""

    name: str
    training: Count
    held_out: Count


class DatasetRecord(BaseModel):
    """What a later Gazegrid may write besides is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=MAX_NAME)]
    """As a person calls it; empty: nobody did."""
    source: Annotated[str, Field(max_length=MAX_SOURCE)]
    """Where it came from, in words."""
    added: Annotated[str, Field(max_length=40)]
    """When, ISO 8601; empty: before there were records."""
    classes: Annotated[tuple[ClassCount, ...], Field(min_length=1)]
    smallest: Size
    """The least width and the least height that a picture has."""
    largest: Size
    boxes: Count
    """Pictures whose object's box is known."""
    size_bytes: Count
    """Of all pictures as they are encoded."""

    @property
    def training(self) -> int:
        """Pictures to learn from."""
        return sum(one.training for one in self.classes)

    @property
    def held_out(self) -> int:
        """Pictures that measure what was learned."""
        return sum(one.held_out for one in self.classes)

    @property
    def pictures(self) -> int:
        """How many there are."""
        return self.training + self.held_out

    @property
    def size(self) -> str:
        """Width and height of the pictures in words: `8 x 8 px`, or from the least to the greatest."""
        smallest, largest = ("{} x {}".format(*size) for size in (self.smallest, self.largest))
        return f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px"

    @property
    def title(self) -> str:
        """Its name, or the beginning of its digest where it has none."""
        return self.name or f"{self.digest[:12]}…"

    def document(self) -> dict[str, Any]:
        """For programs: all that is told here."""
        classes = [one._asdict() for one in self.classes]
        counts = {"pictures": self.pictures, "training": self.training, "held_out": self.held_out}
        return self.model_dump(mode="json") | {"classes": classes} | counts

    def to_bytes(self) -> bytes:
        """JSON that carries its own checksum."""
        document = self.model_dump(mode="json")
        return canonical_json({"digest": digest_of(document), "record": document})

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> DatasetRecord:
        """What `to_bytes` wrote. Raises Damaged where it is not the record of this data set."""
        try:
            envelope = parsed_json(content)
            record = cls.model_validate(envelope["record"])
            sound = digest_of(envelope["record"]) == envelope["digest"] and record.digest == digest
        except (ValueError, KeyError, TypeError, ValidationError):
            sound = False
        if not sound:
            raise Damaged(f"the record of data set {digest[:12]}… was damaged on disk; it is made anew")
        return record


def record_of(dataset: Dataset, name: str, source: str, added: str) -> DatasetRecord:
    """The record of a data set; looks into the header of every picture."""
    counts = [
        np.bincount(dataset.labels[dataset.held_out == apart], minlength=len(dataset.class_names)).tolist()
        for apart in (False, True)
    ]
    sizes = np.array([_size(picture) for picture in dataset.pictures]).reshape(-1, 2)
    return DatasetRecord(
        digest=dataset.digest,
        name=checked_name(name),
        source="".join(filter(str.isprintable, source))[:MAX_SOURCE],
        added=added,
        classes=tuple(ClassCount(*one) for one in zip(dataset.class_names, *counts, strict=True)),
        smallest=_pair(sizes.min(axis=0, initial=2**31)),
        largest=_pair(sizes.max(axis=0, initial=0)),
        boxes=0 if dataset.boxes is None else int((dataset.boxes.min(axis=1) >= 0).sum()),
        size_bytes=sum(map(len, dataset.pictures)),
    )


def _pair(size: Any) -> Size:
    return int(size[0]), int(size[1])


def _size(picture: bytes) -> Size:
    with PillowImage.open(io.BytesIO(picture)) as image:
        return image.size


def checked_name(name: str) -> str:
    """A data set's name without outer spaces; BadInput unless it is at most 80 printable characters."""
    name = name.strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"a data set's name must be at most {MAX_NAME} printable characters, got {name[:MAX_NAME]!r}")
    return name


def default_name(sources: Sequence[str]) -> str:
    """A name after what a data set was read from: `photos.zip` -> `photos`; what cannot be shown is left out."""
    text = ", ".join(source.rpartition("/")[2].removesuffix(".zip").removesuffix(".parquet") for source in sources)
    return "".join(filter(str.isprintable, text)).strip()[:MAX_NAME].strip()
