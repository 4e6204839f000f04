"""The record of a data set: its name, counts and sizes in a small file beside it in the store.

It is derived from the data set, except for name, source and time: it can be renamed, lost, and made again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.canonical import sealed, unsealed
from core.datasets.dataset import Dataset
from core.errors import BadInput, Damaged
from core.media.picture import size_of

MAX_NAME = 80
"""Characters."""
MAX_SOURCE = 200
"""Characters."""

_ENDING = re.compile(r"\.(zip|parquet|tar|tar\.gz|tgz)$", re.IGNORECASE)
"""Of files that hold a data set."""

Count = Annotated[int, Field(ge=0)]
Size = tuple[Count, Count]
"""Width and height in pixels."""


class ClassCount(NamedTuple):
    """Numbers of training pictures and of held-out pictures of a class."""

    name: str
    training: Count
    held_out: Count


class DatasetRecord(BaseModel):
    """What is known of a data set without reading it; unknown fields, of a later Gazegrid, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=MAX_NAME)]
    """Empty where nobody named it."""
    source: Annotated[str, Field(max_length=MAX_SOURCE)]
    """Where it came from, for a reader."""
    added: Annotated[str, Field(max_length=40)]
    """Time, UTC, ISO 8601; empty where it is unknown."""
    classes: Annotated[tuple[ClassCount, ...], Field(min_length=1)]
    smallest: Size
    """Smallest width and smallest height of the pictures."""
    largest: Size
    """Largest width and largest height of the pictures."""
    boxes: Count
    """Pictures with a known box."""
    size_bytes: Count
    """Size of all encoded pictures."""

    @property
    def training(self) -> int:
        """Number of training pictures."""
        return sum(counts.training for counts in self.classes)

    @property
    def held_out(self) -> int:
        """Number of held-out pictures."""
        return sum(counts.held_out for counts in self.classes)

    @property
    def pictures(self) -> int:
        """Number of all pictures."""
        return self.training + self.held_out

    @property
    def size(self) -> str:
        """Width and height as text: `8 x 8 px`, or `8 x 8 to 32 x 32 px`."""
        smallest, largest = ("{} x {}".format(*size) for size in (self.smallest, self.largest))
        return f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px"

    @property
    def title(self) -> str:
        """Its name, or the first 12 digits of its digest."""
        return self.name or f"{self.digest[:12]}…"

    def document(self) -> dict[str, Any]:
        """The record with its totals, as JSON, for programs."""
        classes = [counts._asdict() for counts in self.classes]
        counts = {"pictures": self.pictures, "training": self.training, "held_out": self.held_out}
        return self.model_dump(mode="json") | {"classes": classes} | counts

    def to_bytes(self) -> bytes:
        """The record as JSON with its own checksum."""
        return sealed("record", self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> DatasetRecord:
        """The record that `to_bytes` wrote for the data set `digest`. Raises Damaged."""
        try:
            record = cls.model_validate(unsealed("record", content))
            sound = record.digest == digest
        except (Damaged, ValidationError):
            sound = False
        if not sound:
            raise Damaged(f"the record of data set {digest[:12]}… was damaged on disk; it will be made again")
        return record


def record_of(dataset: Dataset, name: str, source: str, added: str) -> DatasetRecord:
    """The record of a data set; reads the header of every picture. Raises BadInput (name)."""
    counts = [
        np.bincount(dataset.labels[dataset.held_out == held_out], minlength=len(dataset.class_names)).tolist()
        for held_out in (False, True)
    ]
    sizes = np.array([size_of(picture, "a picture of the data set") for picture in dataset.pictures]).reshape(-1, 2)
    if dataset.label_column:
        source += f"; classes from {dataset.label_column}"
    return DatasetRecord(
        digest=dataset.digest,
        name=checked_name(name),
        source="".join(filter(str.isprintable, source))[:MAX_SOURCE],
        added=added,
        classes=tuple(ClassCount(*row) for row in zip(dataset.class_names, *counts, strict=True)),
        smallest=_pair(sizes.min(axis=0, initial=2**31)),
        largest=_pair(sizes.max(axis=0, initial=0)),
        boxes=0 if dataset.boxes is None else int((dataset.boxes.min(axis=1) >= 0).sum()),
        size_bytes=sum(map(len, dataset.pictures)),
    )


def _pair(size: Any) -> Size:
    return int(size[0]), int(size[1])


def checked_name(name: str) -> str:
    """A data set's name without outer spaces. Raises BadInput unless it is at most 80 printable characters."""
    name = name.strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"a data set's name must be at most {MAX_NAME} printable characters, got {name[:MAX_NAME]!r}")
    return name


def default_name(sources: Sequence[str]) -> str:
    """A name for a data set from the names of its files: `photos.zip` -> `photos`; printable characters only."""
    text = ", ".join(_ENDING.sub("", source.rpartition("/")[2]) for source in sources)
    return "".join(filter(str.isprintable, text)).strip()[:MAX_NAME].strip()
