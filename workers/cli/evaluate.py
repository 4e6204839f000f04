"""Accuracy of a network on labeled pictures; it proves that weights, classes and preprocessing fit together."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.datasets.dataset import Dataset
from core.datasets.files import pictures_at
from core.errors import BadInput, BadPicture
from core.media.picture import Picture
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

BATCH = 16
TOP = 5


@dataclass(frozen=True)
class Example:
    """An encoded picture and the index of its class in the network."""

    name: str
    data: bytes
    label: int


def evaluate(network_name: str, data: Sequence[Path] | Dataset, device: str = "cpu") -> dict[str, Any]:
    """`{network, top1, top5, n}` of a network on the pictures at paths, or on the held-out pictures of a data set.

    Accuracies are shares of 1. A path is what `gazegrid train --data` takes, with the network's class names or indices,
    or a folder of files named `<class index>_<anything>`. Raises BadInput.
    """
    network = load(get_card(network_name), device)
    count = top1 = top5 = 0
    examples = held_out_examples(data, network) if isinstance(data, Dataset) else _examples_at_all(data, network)
    while batch := list(islice(examples, BATCH)):
        ranks = rank_of_label(network, batch)
        count += len(ranks)
        top1 += int((ranks == 0).sum())
        top5 += int((ranks < TOP).sum())
    if count == 0:
        place = "the held-out part of this data set" if isinstance(data, Dataset) else ", ".join(map(str, data))
        raise BadInput(f"there is no picture in {place}")
    return {"network": network_name, "top1": top1 / count, "top5": top5 / count, "n": count}


def rank_of_label(network: Network, batch: list[Example]) -> torch.Tensor:
    """Rank of the true class in each prediction, (N,); 0: the predicted class."""
    labels = torch.tensor([[example.label] for example in batch], device=network.device)
    pictures = torch.stack([network.prepare(decoded(example)) for example in batch])
    with torch.inference_mode():
        logits = network(pictures)
    ranks: torch.Tensor = (logits > logits.gather(1, labels)).sum(dim=1)
    return ranks


def decoded(example: Example) -> Picture:
    """The decoded picture, in this process since the files are the operator's own. Raises BadPicture."""
    try:
        with Image.open(io.BytesIO(example.data)) as image:
            return Picture.from_pixels(np.asarray(image.convert("RGB")))
    except (OSError, ValueError) as error:
        raise BadPicture(f"{example.name} is damaged or incomplete: {error}") from None


def _examples_at_all(paths: Sequence[Path], network: Network) -> Iterator[Example]:
    return (example for path in paths for example in examples_at(path, network))


def examples_at(path: Path, network: Network) -> Iterator[Example]:
    """The pictures at `path`, in order of name or row. Raises BadInput for a class that the network lacks."""
    for picture in pictures_at(path):
        yield Example(picture.name, picture.data, network.class_index(picture.label))


def held_out_examples(dataset: Dataset, network: Network) -> Iterator[Example]:
    """The held-out pictures of a data set. Raises BadInput for a class that the network lacks."""
    labels = [network.class_index(name) for name in dataset.class_names]
    for index in np.flatnonzero(dataset.held_out).tolist():
        yield Example(f"picture {index}", dataset.pictures[index], labels[int(dataset.labels[index])])
