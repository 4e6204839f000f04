"""A data set: encoded pictures with classes, a held-out part and optional boxes, named by a digest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.canonical import digest_of
from core.datasets.intake import turned_with_pictures
from core.errors import Damaged

BOX = ("x0", "y0", "x1", "y1")
"""Columns of a parquet file with a picture's box."""
UPRIGHT_BOXES = "upright"
"""Mark in the stored file that boxes are those of upright pictures; before there was one, they were the files'."""
HELD_OUT_EVERY = 10
"""Where no picture is held out, one in so many of each class is."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Encoded pictures, their classes, and which of them are held out from training."""

    class_names: tuple[str, ...]
    pictures: Sequence[bytes]
    """(N,) picture files, as `core.datasets.intake` keeps them; `core.media.picture.decoded` reads them."""
    labels: NDArray[np.int64]
    """(N,) int64 indices into `class_names`."""
    held_out: NDArray[np.bool_]
    """(N,) true for validation pictures, false for training pictures."""
    boxes: NDArray[np.int32] | None = None
    """(N, 4) int32 first column, first row, last column and last row of each object, in pixels; -1: unknown.

    None: read without boxes, which are then not part of the digest.
    """
    label_column: str = ""
    """Where the classes were taken from, if that was a choice, such as `fine_label`; not part of the digest."""

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the class names, each picture's bytes, label and part, and the boxes; 64 hex digits."""
        hashes = hashlib.sha256(digest_of(list(self.class_names)).encode())
        for picture, label, held_out in zip(self.pictures, self.labels.tolist(), self.held_out.tolist(), strict=True):
            hashes.update(hashlib.sha256(picture).digest())
            hashes.update(f"{label},{held_out:d};".encode())
        if self.boxes is not None:
            hashes.update(digest_of(self.boxes.tolist()).encode())
        return hashes.hexdigest()

    def to_bytes(self) -> bytes:
        """The data set as a parquet file."""
        columns = {
            "image": pa.array(self.pictures, pa.binary()),
            "label": pa.array(self.labels, pa.int64()),
            "held_out": pa.array(self.held_out, pa.bool_()),
        }
        if self.boxes is not None:
            columns |= {name: pa.array(self.boxes[:, side]) for side, name in enumerate(BOX)}
        metadata = {"class_names": json.dumps(self.class_names)}
        if self.label_column:
            metadata["label_column"] = self.label_column
        if self.boxes is not None:
            metadata["boxes"] = UPRIGHT_BOXES
        table = pa.table(columns, metadata=metadata)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="none")
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> Dataset:
        """The data set that `to_bytes` wrote. Raises Damaged where it does not match `digest`."""
        try:
            table = pq.read_table(io.BytesIO(content))
            dataset = cls(
                tuple(json.loads(table.schema.metadata[b"class_names"])),
                table["image"].to_pylist(),
                table["label"].to_numpy(),
                table["held_out"].to_numpy(),
                np.stack([table[side].to_numpy() for side in BOX], axis=1) if BOX[0] in table.schema.names else None,
                table.schema.metadata.get(b"label_column", b"").decode(),
            )
            sound = dataset.digest == digest
        except (pa.ArrowException, ValueError, KeyError, TypeError, OSError):
            sound = False
        if not sound:
            raise Damaged(f"data set {digest[:12]}… was damaged on disk: add it again")
        if dataset.boxes is None or table.schema.metadata.get(b"boxes") == UPRIGHT_BOXES.encode():
            return dataset
        upright = replace(dataset, boxes=turned_with_pictures(dataset.boxes, dataset.pictures))
        vars(upright)["digest"] = digest  # it keeps the name under which it is stored
        return upright


def every_tenth(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask (N,) that is true for the first picture of each class and every tenth after it; `labels` (N,)."""
    held_out = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        held_out[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return held_out
