"""Labeled pictures: how folders, archives and tables become one thing with a digest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.canonical import digest_of
from core.errors import Damaged

BOX = ("x0", "y0", "x1", "y1")
"""Columns of a parquet file that hold a picture's box."""
HELD_OUT_EVERY = 10
"""Where nothing is held out, every so many-th picture of each class is."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures as they were encoded, the class of each, and which are held out from learning."""

    class_names: tuple[str, ...]
    pictures: Sequence[bytes]
    labels: NDArray[np.int64]
    """(N,) indices into `class_names`."""
    held_out: NDArray[np.bool_]
    """(N,) true for the pictures that measure what was learned."""
    boxes: NDArray[np.int32] | None = None
    """(N, 4) first column, first row, last column and last row of each object, in pixels of its picture; -1: unknown.

    None where nobody asked for boxes: they do not enter the digest then.
    """

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the class names, each picture's bytes, label and part, and the boxes: 64 hex digits."""
        hashes = hashlib.sha256(digest_of(list(self.class_names)).encode())
        for picture, label, held_out in zip(self.pictures, self.labels.tolist(), self.held_out.tolist(), strict=True):
            hashes.update(hashlib.sha256(picture).digest())
            hashes.update(f"{label},{held_out:d};".encode())
        if self.boxes is not None:
            hashes.update(digest_of(self.boxes.tolist()).encode())
        return hashes.hexdigest()

    def to_bytes(self) -> bytes:
        """As one parquet file."""
        columns = {
            "image": pa.array(self.pictures, pa.binary()),
            "label": pa.array(self.labels, pa.int64()),
            "held_out": pa.array(self.held_out, pa.bool_()),
        }
        if self.boxes is not None:
            columns |= {name: pa.array(self.boxes[:, side]) for side, name in enumerate(BOX)}
        table = pa.table(columns, metadata={"class_names": json.dumps(self.class_names)})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="none")
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> Dataset:
        """What `to_bytes` wrote. Raises Damaged where it is not the data set of this digest."""
        try:
            table = pq.read_table(io.BytesIO(content))
            dataset = cls(
                tuple(json.loads(table.schema.metadata[b"class_names"])),
                table["image"].to_pylist(),
                table["label"].to_numpy(),
                table["held_out"].to_numpy(),
                np.stack([table[side].to_numpy() for side in BOX], axis=1) if BOX[0] in table.schema.names else None,
            )
            sound = dataset.digest == digest
        except (pa.ArrowException, ValueError, KeyError, TypeError, OSError):
            sound = False
        if not sound:
            raise Damaged(f"data set {digest[:12]}… was damaged on disk: give it again")
        return dataset


def every_tenth(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) true for the first picture of each class and every tenth after it; `labels` (N,)."""
    apart = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        apart[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return apart
