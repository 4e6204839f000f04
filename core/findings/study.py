"""What a grid of many pictures says about its networks: the talk's four conclusions as numbers, with intervals.

A study is a comparison like any other, of `detail_search` and `patch_shuffle` over many pictures of a data set. What is
measured is read from the stored results alone, so that every number has its grid behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import measures
from core.canonical import canonical_json
from core.datasets.dataset import Dataset
from core.errors import BadInput
from core.items import Image, Table
from core.jobs.comparison import Cell, Comparison, PictureRef
from core.measures.bootstrap import Interval, interval
from core.measures.features import RemainingDetail
from core.media.picture import read_picture
from core.methods import make_method
from core.networks.card import Family
from core.networks.catalog import get_card
from core.networks.folders import BUNDLED
from core.store.store import Store

Numbers = NDArray[np.float64]

LABEL = " · "
"""Between the class of a picture of a data set and its number, in the picture's name."""
REMAINING, ORIGINAL, ORDERS = "remaining", "original", "predictions"
"""Items that are measured: pictures before and after, and answers for shuffled pictures."""
LEAST_PICTURES = 10
BUNDLED_FINDINGS = BUNDLED / "measures" / "findings.json"
PARTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Shuffled:
    """A network's answers for one picture and its shuffled copies."""

    label: str
    """What the picture shows, where its name says so; else the network's answer for the picture itself"""
    correct: Mapping[int, float]
    """Patches along a side (1: the picture itself) -> share of the orders that were named right"""


@dataclass(frozen=True)
class NetworkFindings:
    """What the grid says of one network."""

    name: str
    family: Family
    remaining: dict[str, RemainingDetail] = field(default_factory=dict)
    """Picture's digest -> what detail search left of it"""
    shuffled: dict[str, Shuffled] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    """Picture's digest -> key of the cell behind its numbers"""

    @cached_property
    def feature_sizes(self) -> dict[str, float]:
        """Picture's digest -> extent of the features that are left, a share of the width."""
        return {digest: detail.feature_size for digest, detail in self.remaining.items()}

    @cached_property
    def feature_size(self) -> Interval:
        """Their mean."""
        return interval(np.array(list(self.feature_sizes.values())))

    @cached_property
    def wavelength(self) -> Interval:
        """Mean wavelength of the edges that are left, by their radial spectrum, a share of the width."""
        return interval(np.array([detail.wavelength for detail in self.remaining.values()]))

    @cached_property
    def border_logs(self) -> dict[str, float]:
        """Picture's digest -> logarithm of the weight of the outer half of the area against the original's."""
        return {
            digest: float(np.log(np.maximum(detail.border_weight, 1e-6))) for digest, detail in self.remaining.items()
        }

    @cached_property
    def border_weight(self) -> Interval:
        """Weight of the outer half of the area against the original's, as the mean of logarithms: 1 is as before."""
        logs = interval(np.array(list(self.border_logs.values())))
        return Interval(*(float(np.exp(end)) for end in (logs.value, logs.low, logs.high)))

    @cached_property
    def rings(self) -> Numbers:
        """(rings,) mean share of the edges left from the center to the border, over the same of the originals.

        nan where the originals have no edge.
        """
        after = np.mean([detail.rings for detail in self.remaining.values()], axis=0)
        before = np.mean([detail.rings_before for detail in self.remaining.values()], axis=0)
        ratio: Numbers = np.divide(after, before, out=np.full(len(after), np.nan), where=before > 1e-9)
        return ratio

    @cached_property
    def size_spread(self) -> Interval:
        """How many octaves the middle half of the edge energy spans by size of feature, within single pictures."""
        return interval(np.array(list(self.octaves.values())))

    @cached_property
    def octaves(self) -> dict[str, float]:
        """Picture's digest -> octaves that the middle half of its edge energy spans."""
        return {digest: _octaves(detail) for digest, detail in self.remaining.items()}

    def accuracy(self, parts: int) -> Interval:
        """Share named right of pictures cut into `parts` x `parts` patches; 1: of the pictures themselves."""
        return interval(np.array([shuffled.correct[parts] for shuffled in self.shuffled.values()]))

    def kept(self, parts: int) -> Interval:
        """Share named right of cut pictures, over the same of the pictures themselves."""
        pairs = np.array([(s.correct[parts], s.correct[1]) for s in self.shuffled.values()], dtype=np.float64)
        return interval(pairs, lambda drawn: drawn[..., 0].mean(axis=1) / np.maximum(drawn[..., 1].mean(axis=1), 1e-9))


@dataclass(frozen=True)
class Findings:
    """What a grid says of its networks, and how much of it there is."""

    networks: tuple[NetworkFindings, ...]
    comparison: Comparison | None = None
    """The grid behind the numbers; None where only the numbers came along"""

    @property
    def pictures(self) -> int:
        """Pictures that every network was asked for, and whose results are there."""
        return min((len(network.remaining) for network in self.networks), default=0)


def study(
    dataset: Dataset,
    networks: Sequence[str],
    count: int,
    store: Store,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Comparison:
    """The comparison that the findings are made of: `count` held-out pictures, each class as often as others.

    The pictures are kept in the store; `parameters` are detail search's. Raises BadInput, and what a comparison raises.
    """
    methods = (make_method("detail_search", parameters or {}), make_method("patch_shuffle", {}))
    chosen = list(_one_class_after_the_other(dataset, seed))[:count]
    if len(chosen) < count:
        raise BadInput(f"the data set has {len(chosen)} held-out pictures, {count} were asked for")
    pictures = tuple(
        PictureRef(store.put_picture(read_picture(dataset.pictures[index], label)), f"{label}{LABEL}{index}")
        for index in chosen
        for label in [dataset.class_names[int(dataset.labels[index])]]
    )
    return Comparison(pictures, tuple(networks), methods, seed)


def _one_class_after_the_other(dataset: Dataset, seed: int) -> Iterator[int]:
    """The held-out pictures: one of each class in random order, then a second of each."""
    random = np.random.default_rng(seed)
    held_out = random.permutation(np.flatnonzero(dataset.held_out))
    labels = np.asarray(dataset.labels)[held_out]
    queues = [held_out[labels == label].tolist() for label in random.permutation(len(dataset.class_names))]
    for place in range(max(map(len, queues), default=0)):
        yield from (queue[place] for queue in queues if place < len(queue))


def can_be_found(comparison: Comparison) -> bool:
    """Whether this grid is a study: pictures before and after in every cell, and enough of them."""
    names = {output.name for method in comparison.methods for output in method.outputs}
    return {REMAINING, ORIGINAL} <= names and len(comparison.pictures) >= LEAST_PICTURES


def findings(comparison: Comparison, store: Store) -> Findings:
    """What is in the store of this grid, measured. Raises BadInput where it is no study."""
    if not can_be_found(comparison):
        raise BadInput(f"findings need a grid of at least {LEAST_PICTURES} pictures with what detail search left")
    found = {name: NetworkFindings(name, get_card(name).family) for name in comparison.networks}
    for cell in comparison.cells():
        if not cell.undefined:
            _measure(cell, store, found[cell.network])
    return Findings(tuple(network for network in found.values() if network.remaining), comparison)


def to_bytes(found: Findings) -> bytes:
    """The numbers as JSON, without the grid behind them."""
    return canonical_json([_document(network) for network in found.networks])


def _document(network: NetworkFindings) -> dict[str, Any]:
    remaining = {
        digest: {name: _listed(value) for name, value in vars(detail).items()}
        for digest, detail in network.remaining.items()
    }
    shuffled = {digest: asdict(answers) for digest, answers in network.shuffled.items()}
    return {"name": network.name, "family": network.family, "remaining": remaining, "shuffled": shuffled}


def _listed(value: Any) -> Any:
    """Arrays as lists of few digits; nan, which JSON does not know, as None."""
    if isinstance(value, np.ndarray):
        return [round(float(number), 5) for number in value]
    return None if np.isnan(value) else round(float(value), 6)


def from_bytes(content: bytes) -> Findings:
    """What `to_bytes` was given, without its grid."""
    return Findings(tuple(_network(document) for document in json.loads(content)))


def _network(document: Mapping[str, Any]) -> NetworkFindings:
    def number(value: Any) -> Any:
        return float("nan") if value is None else np.array(value) if isinstance(value, list) else value

    remaining = {
        digest: RemainingDetail(**{name: number(value) for name, value in numbers.items()})
        for digest, numbers in document["remaining"].items()
    }
    shuffled = {
        digest: Shuffled(answers["label"], {int(parts): share for parts, share in answers["correct"].items()})
        for digest, answers in document["shuffled"].items()
    }
    return NetworkFindings(document["name"], document["family"], remaining, shuffled)


@lru_cache(maxsize=1)
def bundled_findings() -> Findings | None:
    """What was measured of the networks that come with Gazegrid; None where nothing was."""
    return from_bytes(BUNDLED_FINDINGS.read_bytes()) if BUNDLED_FINDINGS.exists() else None


def _measure(cell: Cell, store: Store, network: NetworkFindings) -> None:
    """Add what this cell holds, if it is computed."""
    manifest = store.manifest(cell.spec.key)
    if manifest is None:
        return
    names = {item.name for item in manifest.items}
    digest = cell.picture.digest
    if {REMAINING, ORIGINAL} <= names:
        original, remaining = (store.item(manifest, name) for name in (ORIGINAL, REMAINING))
        if isinstance(original, Image) and isinstance(remaining, Image):
            network.remaining[digest] = measures.features.remaining_detail(original.pixels, remaining.pixels)
            network.cells[digest] = manifest.key
    if ORDERS in names:
        table = store.item(manifest, ORDERS)
        if isinstance(table, Table):
            network.shuffled[digest] = _shuffled(cell, table)


def _shuffled(cell: Cell, table: Table) -> Shuffled:
    label, known, _ = cell.picture.name.rpartition(LABEL)
    if not known or label not in get_card(cell.network).class_names:
        label = next(row[2] for row in table.rows if row[0] == 1)
    correct = {parts: float(np.mean([row[2] == label for row in table.rows if row[0] == parts])) for parts in PARTS}
    return Shuffled(label, correct)


def _octaves(detail: RemainingDetail) -> float:
    """Between the sizes below which a quarter and three quarters of the energy lie; nan for fewer than two features."""
    if len(detail.sizes) < 2:
        return float("nan")
    order = np.argsort(detail.sizes)
    reached = np.cumsum(detail.weights[order]) / detail.weights.sum()
    lower, upper = (detail.sizes[order][int(np.searchsorted(reached, share))] for share in (0.25, 0.75))
    return float(np.log2(upper / lower))
