"""Accuracy of a network on labelled pictures: how a mapping of weights and a preprocessing are proved to be right."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image, UnidentifiedImageError

from core.errors import BadInput, BadPicture
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.picture import Picture

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff"})
BATCH = 16
TOP = 5


@dataclass(frozen=True)
class Labelled:
    """One picture, still encoded, and the index of its class."""

    name: str
    data: bytes
    label: int


def evaluate(network_name: str, data_path: str | Path, device: str = "cpu") -> dict[str, Any]:
    """`{network, top1, top5, n}` of a network over the pictures at `data_path`, shares of 1.

    A folder whose files are named `<class index>_...`, a folder of folders that are each named by a class (index or
    name), or a parquet file with the columns `image` (bytes) and `label` (index). Raises BadInput for anything else.
    """
    network = load(get_card(network_name), device)
    count = top1 = top5 = 0
    pictures = labelled(Path(data_path), network)
    while batch := list(islice(pictures, BATCH)):
        ranks = rank_of_label(network, batch)
        count += len(ranks)
        top1 += int((ranks == 0).sum())
        top5 += int((ranks < TOP).sum())
    if count == 0:
        raise BadInput(f"there is no picture in {data_path}")
    return {"network": network_name, "top1": top1 / count, "top5": top5 / count, "n": count}


def rank_of_label(network: Network, batch: list[Labelled]) -> torch.Tensor:
    """How many classes the network finds more likely than the right one, for each picture: (N,)."""
    labels = torch.tensor([[picture.label] for picture in batch], device=network.device)
    pictures = torch.stack([network.prepare(decoded(picture)) for picture in batch])
    with torch.inference_mode():
        logits = network(pictures)
    ranks: torch.Tensor = (logits > logits.gather(1, labels)).sum(dim=1)
    return ranks


def decoded(picture: Labelled) -> Picture:
    """The picture itself; BadPicture where its bytes are none. The data is the operator's own, so no process apart."""
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            return Picture.from_pixels(np.asarray(image.convert("RGB")))
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise BadPicture(f"{picture.name} is no whole picture: {error}") from None


def labelled(path: Path, network: Network) -> Iterator[Labelled]:
    """The pictures at `path`, in order of name or row; BadInput where they carry no label that the network knows."""
    if path.is_dir():
        found = _in_folder(path, network)
    elif path.suffix == ".parquet" and path.is_file():
        found = _in_table(path)
    else:
        raise BadInput(f"data must be a folder of pictures or a .parquet file, got {str(path)[:200]!r}")
    classes = len(network.card.class_names)
    for picture in found:
        if not 0 <= picture.label < classes:
            raise BadInput(f"a label must be 0 to {classes - 1}, {picture.name} has {picture.label}")
        yield picture


def _in_folder(folder: Path, network: Network) -> Iterator[Labelled]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in ENDINGS:
            continue
        if path.parent == folder:
            label = _leading_index(path)
        else:
            label = network.class_index(path.relative_to(folder).parts[0])
        yield Labelled(str(path.relative_to(folder)), path.read_bytes(), label)


def _leading_index(path: Path) -> int:
    index = path.name.partition("_")[0]
    if not index.isdecimal():
        raise BadInput(f"a picture's file is named <class index>_<anything>, got {path.name!r}")
    return int(index)


def _in_table(path: Path) -> Iterator[Labelled]:
    try:
        table = pq.ParquetFile(path)
        missing = {"image", "label"} - set(table.schema_arrow.names)
        if missing:
            raise BadInput(f"{path.name} must have the columns image and label, it lacks {', '.join(sorted(missing))}")
        for batch in table.iter_batches(batch_size=BATCH, columns=["image", "label"]):
            for row in batch.to_pylist():
                yield Labelled(f"a picture of {path.name}", _bytes(row["image"]), int(row["label"]))
    except (pa.ArrowException, TypeError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}") from None


def _bytes(image: Any) -> bytes:
    """The encoded picture: bytes, or the `{bytes, path}` that data set libraries write."""
    return bytes(image["bytes"] if isinstance(image, dict) else image)
