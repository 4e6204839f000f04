"""Accuracy of a network on labeled pictures; it proves that weights, classes and preprocessing fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.datasets.dataset import Dataset
from core.datasets.files import pictures_at
from core.datasets.intake import kept
from core.display.wording import quantity
from core.errors import BadInput
from core.measures.accuracy import top_shares
from core.measures.intervals import share_interval
from core.media import picture
from core.media.picture import Picture
from core.networks.catalog import get_card
from core.networks.finite import require_finite
from core.networks.loading import load
from core.networks.network import Network

BATCH = 16
TOP = 5


@dataclass(frozen=True)
class Example:
    """A picture as a data set keeps it, and the index of its class in the network."""

    name: str
    data: bytes
    label: int


def evaluate(network_name: str, data: Sequence[Path] | Dataset, device: str = "cpu") -> dict[str, Any]:
    """Accuracy of a network on the pictures at paths, or on the held-out pictures of a data set.

    A path is what `gazegrid train --data` takes, with the network's class names or indices, or a folder of files named
    `<class index>_<anything>`.

    Returns:
        `{network, n, top1, top1_low, top1_high, top5, top5_low, top5_high}`: shares of the n pictures, with the ends of
        their 95 % intervals. `top5` is None, with the reason as `top5_reason`, for a network of at most 5 classes.

    Raises:
        BadInput: There is no picture, or one of a class that the network lacks.
        ComputationFailed: The network's output is not finite.
    """
    network = load(get_card(network_name), device)
    examples = held_out_examples(data, network) if isinstance(data, Dataset) else _examples_at_all(data, network)
    top1, top5 = [], []
    while batch := list(islice(examples, BATCH)):
        logits, labels = _predictions(network, batch)
        top1.append(top_shares(logits, labels))
        top5.append(top_shares(logits, labels, TOP))
    if not top1:
        place = "the held-out part of this data set" if isinstance(data, Dataset) else ", ".join(map(str, data))
        raise BadInput(f"there is no picture in {place}")
    document = {"network": network_name, "n": sum(map(len, top1)), **_share("top1", top1)}
    if (classes := len(network.card.class_names)) > TOP:
        return document | _share("top5", top5)
    return document | {"top5": None, "top5_reason": f"of {quantity(classes, 'class')}, all are among the top {TOP}"}


def _share(name: str, shares: Sequence[Tensor]) -> dict[str, float | None]:
    """The mean of shares (N,) each, with the ends of its interval."""
    over = share_interval(torch.cat(list(shares)).numpy())
    return {name: over.value, f"{name}_low": over.low, f"{name}_high": over.high}


def _predictions(network: Network, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Logits (N, K) and true classes (N,) of the pictures. Raises ComputationFailed."""
    pictures = torch.stack([network.prepare(decoded(example)) for example in batch])
    return require_finite(network, pictures).cpu(), torch.tensor([example.label for example in batch])


def decoded(example: Example) -> Picture:
    """The decoded picture. Raises BadPicture."""
    return Picture.from_pixels(np.asarray(picture.decoded(example.data, example.name)))


def _examples_at_all(paths: Sequence[Path], network: Network) -> Iterator[Example]:
    return (example for path in paths for example in examples_at(path, network))


def examples_at(path: Path, network: Network) -> Iterator[Example]:
    """The pictures at `path`, in order of name or row. Raises BadInput for a class that the network lacks."""
    for one in kept(pictures_at(path)):
        yield Example(one.name, one.data, network.class_index(one.label))


def held_out_examples(dataset: Dataset, network: Network) -> Iterator[Example]:
    """The held-out pictures of a data set. Raises BadInput for a class that the network lacks."""
    labels = [network.class_index(name) for name in dataset.class_names]
    for index in np.flatnonzero(dataset.held_out).tolist():
        yield Example(f"picture {index}", dataset.pictures[index], labels[int(dataset.labels[index])])
