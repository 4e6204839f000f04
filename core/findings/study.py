"""Statistics of networks over a grid of many pictures, with confidence intervals.

A study is an ordinary comparison of `detail_search` and `patch_shuffle` over many pictures of a data set. All numbers
are computed from its stored results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import measures
from core.canonical import canonical_json
from core.datasets.dataset import Dataset
from core.display.wording import damage_sentence
from core.errors import BadInput, Damaged
from core.items import Image, Table
from core.jobs.comparison import Cell, Comparison, PictureRef
from core.measures.features import RINGS, RemainingDetail
from core.measures.intervals import MIN_PICTURES, Interval, interval, ratio_interval, share_interval
from core.media.picture import read_picture
from core.methods import make_method
from core.networks.card import Family
from core.networks.catalog import get_card
from core.networks.folders import BUNDLED
from core.store.store import Store

Numbers = NDArray[np.float64]

NAME_SEPARATOR = " · "
"""Separates class and index in the name of a picture from a data set."""
REMAINING, ORIGINAL = "remaining", "original"
"""Items of detail search: the picture after and before."""
SHUFFLED, PREDICTIONS = "shuffled", "predictions"
"""Items of patch shuffle: pictures, and the predictions for them; other methods have predictions of another kind."""
POSITIVE = (0.0, math.inf)
BUNDLED_FINDINGS = BUNDLED / "measures" / "findings.json"
NONE_CORRECT = "no whole picture is classified correctly"
PATCH_GRIDS = (1, 2, 4, 8)
"""Patches along a side of shuffled pictures; 1: the whole picture."""


@dataclass(frozen=True)
class Shuffled:
    """A network's predictions for one picture and its patch-shuffled copies."""

    label: str
    """Class of the picture where its name has it, else the predicted class of the whole picture"""
    correct: Mapping[int, float]
    """Patches along a side -> share of the orders whose prediction is the label"""


@dataclass(frozen=True)
class NetworkFindings:
    """Measurements of one network, by picture."""

    name: str
    family: Family
    remaining: dict[str, RemainingDetail] = field(default_factory=dict)
    """Picture's digest -> detail that remains after detail search"""
    shuffled: dict[str, Shuffled] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    """Picture's digest -> key of the result that was measured"""

    @cached_property
    def feature_sizes(self) -> dict[str, float]:
        """Picture's digest -> extent of the remaining features, as a share of the width."""
        return {digest: detail.feature_size for digest, detail in self.remaining.items()}

    @cached_property
    def feature_size(self) -> Interval:
        """Mean extent of the remaining features, as a share of the width."""
        return interval(np.array(list(self.feature_sizes.values())), bounds=POSITIVE)

    @cached_property
    def wavelength(self) -> Interval:
        """Mean wavelength of the remaining edges, by their radial spectrum, as a share of the width."""
        return interval(np.array([detail.wavelength for detail in self.remaining.values()]), bounds=POSITIVE)

    @cached_property
    def border_logs(self) -> dict[str, float]:
        """Picture's digest -> log ratio of the edge weight in the outer half of the area, remaining to original.

        nan where no edge remains, or where the original's outer half has none; at least that of one in a million.
        """
        return {
            digest: float(np.log(np.maximum(detail.border_weight, 1e-6))) for digest, detail in self.remaining.items()
        }

    @cached_property
    def border_weight(self) -> Interval:
        """Geometric mean ratio of edge weight in the outer half of the area, remaining to original; 1: unchanged."""
        logs = interval(np.array(list(self.border_logs.values())))
        value, low, high = (None if end is None else math.exp(end) for end in (logs.value, logs.low, logs.high))
        return replace(logs, value=value, low=low, high=high)

    @cached_property
    def rings(self) -> Numbers:
        """Edges per ring from center to border, (rings,): mean share remaining over mean share in the originals.

        Over the pictures of which edges remain; NaN where their originals have none in the ring.
        """
        edged = [detail for detail in self.remaining.values() if np.isfinite(detail.rings).all()]
        if not edged:
            return np.full(RINGS, np.nan)
        after = np.mean([detail.rings for detail in edged], axis=0)
        before = np.mean([detail.rings_before for detail in edged], axis=0)
        ratio: Numbers = np.divide(after, before, out=np.full(len(after), np.nan), where=before > 1e-9)
        return ratio

    @cached_property
    def size_spread(self) -> Interval:
        """Mean number of octaves of feature size that the middle half of a picture's edge energy spans."""
        return interval(np.array(list(self.octaves.values())), bounds=POSITIVE)

    @cached_property
    def octaves(self) -> dict[str, float]:
        """Picture's digest -> octaves of feature size that the middle half of its edge energy spans."""
        return {digest: _octaves(detail) for digest, detail in self.remaining.items()}

    def accuracy(self, parts: int) -> Interval:
        """Accuracy on pictures cut into `parts` x `parts` shuffled patches, 0 to 1; `parts` 1: on whole pictures."""
        return share_interval(self._correct(parts))

    def accuracy_retained(self, parts: int) -> Interval:
        """Accuracy on pictures of `parts` x `parts` shuffled patches, relative to the accuracy on whole pictures."""
        return ratio_interval(self._correct(parts), self._correct(1), NONE_CORRECT)

    def _correct(self, parts: int) -> Numbers:
        return np.array([shuffled.correct[parts] for shuffled in self.shuffled.values()], dtype=np.float64)


@dataclass(frozen=True)
class Findings:
    """Measurements of all networks of a grid."""

    networks: tuple[NetworkFindings, ...]
    comparison: Comparison | None = None
    """The grid that was measured; None for numbers from a file"""
    unreadable: int = 0
    """Cells that were left out because their stored result is damaged"""

    @property
    def caveat(self) -> str:
        """A sentence about cells that could not be read; empty where all could."""
        return damage_sentence(self.unreadable, "cell")

    @property
    def pictures(self) -> int:
        """Number of pictures that are measured for every network."""
        return min((len(network.remaining) for network in self.networks), default=0)


def study(
    dataset: Dataset,
    networks: Sequence[str],
    count: int,
    store: Store,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Comparison:
    """A comparison for `findings` over `count` held-out pictures, balanced over classes.

    The pictures are written to the store; `parameters` are those of detail search. Raises BadInput.
    """
    methods = (make_method("detail_search", parameters or {}), make_method("patch_shuffle", {}))
    indices = list(_balanced(dataset, seed))[:count]
    if len(indices) < count:
        raise BadInput(f"pictures must be at most {len(indices)}, the held-out pictures of the data set, got {count}")
    pictures = tuple(
        PictureRef(
            store.inputs.put_picture(read_picture(dataset.pictures[index], label)), f"{label}{NAME_SEPARATOR}{index}"
        )
        for index in indices
        for label in [dataset.class_names[int(dataset.labels[index])]]
    )
    return Comparison(pictures, tuple(networks), methods, seed)


def _balanced(dataset: Dataset, seed: int) -> Iterator[int]:
    """Indices of the held-out pictures in random order: one of each class, then a second of each."""
    random = np.random.default_rng(seed)
    held_out = random.permutation(np.flatnonzero(dataset.held_out))
    labels = np.asarray(dataset.labels)[held_out]
    queues = [held_out[labels == label].tolist() for label in random.permutation(len(dataset.class_names))]
    for place in range(max(map(len, queues), default=0)):
        yield from (queue[place] for queue in queues if place < len(queue))


def is_study(comparison: Comparison) -> bool:
    """Whether `findings` can measure this grid: it has pictures before and after detail search, and enough of them."""
    names = {output.name for method in comparison.methods for output in method.outputs}
    return {REMAINING, ORIGINAL} <= names and len(comparison.pictures) >= MIN_PICTURES


def findings(comparison: Comparison, store: Store) -> Findings:
    """Measurements of the grid's stored results; damaged ones are counted. Raises BadInput if it is no study."""
    if not is_study(comparison):
        raise BadInput(f"findings need a grid of detail search with at least {MIN_PICTURES} pictures")
    networks = {name: NetworkFindings(name, get_card(name).family) for name in comparison.networks}
    unreadable = 0
    for cell in comparison.cells():
        try:
            if not cell.undefined:
                _measure(cell, store, networks[cell.network])
        except Damaged:
            unreadable += 1
    return Findings(tuple(network for network in networks.values() if network.remaining), comparison, unreadable)


def to_bytes(measured: Findings) -> bytes:
    """The numbers as JSON, without their grid."""
    return canonical_json([_document(network) for network in measured.networks])


def _document(network: NetworkFindings) -> dict[str, Any]:
    remaining = {
        digest: {name: _listed(value) for name, value in vars(detail).items()}
        for digest, detail in network.remaining.items()
    }
    shuffled = {digest: asdict(predictions) for digest, predictions in network.shuffled.items()}
    return {"name": network.name, "family": network.family, "remaining": remaining, "shuffled": shuffled}


def _listed(value: Any) -> Any:
    """Arrays as rounded lists; NaN, which JSON lacks, as None."""
    if isinstance(value, np.ndarray):
        return [None if math.isnan(number) else round(float(number), 5) for number in value]
    return None if math.isnan(value) else round(float(value), 6)


def from_bytes(content: bytes) -> Findings:
    """The findings that `to_bytes` wrote, without their grid."""
    return Findings(tuple(_network(document) for document in json.loads(content)))


def _network(document: Mapping[str, Any]) -> NetworkFindings:
    def number(value: Any) -> Any:
        if isinstance(value, list):
            return np.array(value, dtype=np.float64)  # None becomes nan
        return math.nan if value is None else value

    remaining = {
        digest: RemainingDetail(**{name: number(value) for name, value in numbers.items()})
        for digest, numbers in document["remaining"].items()
    }
    shuffled = {
        digest: Shuffled(predictions["label"], {int(parts): share for parts, share in predictions["correct"].items()})
        for digest, predictions in document["shuffled"].items()
    }
    return NetworkFindings(document["name"], document["family"], remaining, shuffled)


@lru_cache(maxsize=1)
def bundled_findings() -> Findings | None:
    """The findings that ship with Gazegrid, of the bundled networks; None without the file."""
    return from_bytes(BUNDLED_FINDINGS.read_bytes()) if BUNDLED_FINDINGS.exists() else None


def _measure(cell: Cell, store: Store, network: NetworkFindings) -> None:
    """Add the cell's numbers, if it is computed. Raises Damaged."""
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
    if {SHUFFLED, PREDICTIONS} <= names:
        table = store.item(manifest, PREDICTIONS)
        if isinstance(table, Table):
            network.shuffled[digest] = _shuffled(cell, table)


def _shuffled(cell: Cell, table: Table) -> Shuffled:
    label, separator, _ = cell.picture.name.rpartition(NAME_SEPARATOR)
    if not separator or label not in get_card(cell.network).class_names:
        label = next(row[2] for row in table.rows if row[0] == 1)
    correct = {
        parts: float(np.mean([row[2] == label for row in table.rows if row[0] == parts])) for parts in PATCH_GRIDS
    }
    return Shuffled(label, correct)


def _octaves(detail: RemainingDetail) -> float:
    """Octaves between the lower and the upper quartile of energy over feature size; NaN for fewer than two features."""
    if len(detail.sizes) < 2:
        return float("nan")
    order = np.argsort(detail.sizes)
    reached = np.cumsum(detail.weights[order]) / detail.weights.sum()
    lower, upper = (detail.sizes[order][int(np.searchsorted(reached, share))] for share in (0.25, 0.75))
    return float(np.log2(upper / lower))
