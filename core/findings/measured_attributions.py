"""Quality of attribution methods on networks: stored results of `measure_attributions`, and the numbers that ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from core.canonical import canonical_json
from core.display.wording import damage_sentence, phrase, words
from core.errors import BadInput, Damaged
from core.items import Table
from core.jobs.spec import JobSpec
from core.measures.attributions import FULLY_RANDOMIZED, MEASURES, fails_sanity_check
from core.measures.baselines import BASELINES
from core.measures.intervals import Interval
from core.methods import METHODS
from core.networks.folders import BUNDLED
from core.store.manifest import Manifest
from core.store.store import Store

METHOD = "measure_attributions"
SUBJECT_PARAMETERS = ("attribution", "parameters", "attribution_version")
"""Parameters that name the attribution; all others belong to the protocol."""
BUNDLED_MEASUREMENT = BUNDLED / "measures" / "attributions.json"


@dataclass(frozen=True)
class MeasuredAttribution:
    """The measures of one attribution method, or of one kind of baseline map, on one network."""

    network: str
    label: str
    """Title and parameters that differ from the defaults: `Grad-CAM`, `Grad-CAM, depth 50`"""
    baseline: bool
    measures: Mapping[str, Interval]
    key: str = ""
    """Of the result, 64 hex digits; empty for numbers from a file"""

    @property
    def fails_sanity_check(self) -> bool | None:
        """Whether the maps hardly change when all weights are randomized: then they do not explain the network.

        None for baseline maps, and where it is open.
        """
        return None if self.baseline else fails_sanity_check(self.measures)

    @property
    def is_open(self) -> bool:
        """Whether the sanity check was made, and its numbers do not decide."""
        return FULLY_RANDOMIZED in self.measures and not self.baseline and self.fails_sanity_check is None


@dataclass(frozen=True)
class Measurement:
    """Attributions measured by one protocol on one data set, so that they compare."""

    protocol: Mapping[str, Any]
    """Digest of the data set, seed, and the parameters of `measure_attributions`"""
    attributions: tuple[MeasuredAttribution, ...] = field(default=())
    unreadable: int = 0
    """Results that were left out because they are damaged in the store"""

    @property
    def caveat(self) -> str:
        """A sentence about results that could not be read; empty where all could."""
        return damage_sentence(self.unreadable, "result")

    @property
    def networks(self) -> list[str]:
        """Names of the networks, sorted."""
        return sorted({measured.network for measured in self.attributions})

    @property
    def labels(self) -> list[str]:
        """Labels of the methods, then of the baseline maps."""
        return list(dict.fromkeys(measured.label for measured in self.attributions))

    @property
    def measures(self) -> list[str]:
        """Names of the measures that any attribution has, in the order of `MEASURES`."""
        return [name for name in MEASURES if any(name in measured.measures for measured in self.attributions)]

    @property
    def pictures(self) -> int:
        """Number of pictures measured for every attribution."""
        return min((measured.measures["insertion"].pictures for measured in self.attributions), default=0)

    def entry(self, network: str, label: str) -> MeasuredAttribution | None:
        """The measures of the method of this label on this network; None without any."""
        return next(
            (measured for measured in self.attributions if (measured.network, measured.label) == (network, label)), None
        )


def measurements(store: Store) -> list[Measurement]:
    """All measurements of the current versions in the store, one per protocol; the largest first."""
    groups: dict[bytes, list[JobSpec]] = {}
    for key in store.result_keys():
        if (spec := _measuring_job(store, key)) is not None:
            groups.setdefault(canonical_json(_protocol(spec)), []).append(spec)
    results = [measurement(specs, store) for specs in groups.values()]
    return sorted(results, key=lambda measurement: len(measurement.attributions), reverse=True)


def measurement(specs: Sequence[JobSpec], store: Store) -> Measurement:
    """The stored results of these jobs, which share one protocol; damaged results are counted."""
    measured, unreadable = [], 0
    for spec in specs:
        try:
            if (manifest := store.manifest(spec.key)) is not None:
                measured.append(_read(spec, manifest, store))
        except Damaged:
            unreadable += 1
    return Measurement(_protocol(specs[0]) if specs else {}, _in_order(measured), unreadable)


def _protocol(spec: JobSpec) -> dict[str, Any]:
    parameters = spec.method.model_dump(mode="json")
    shared = {name: value for name, value in parameters.items() if name not in SUBJECT_PARAMETERS}
    return {"dataset": spec.dataset, "seed": spec.seed, **shared}


def _measuring_job(store: Store, key: str) -> JobSpec | None:
    """The job of a stored result, if it measures attributions in the current version."""
    try:
        if not _is_measurement(store, key):
            return None
        manifest = store.manifest(key)
        return JobSpec.from_document(manifest.spec) if manifest else None
    except (BadInput, LookupError):  # of another version, or deleted meanwhile
        return None


@lru_cache(maxsize=200_000)
def _is_measurement(store: Store, key: str) -> bool:
    """Cached, since a key always stands for the same job. Raises LookupError, which is not cached, without a result."""
    manifest = store.manifest(key)
    if manifest is None:
        raise LookupError(key)
    return bool(manifest.spec["method"]["name"] == METHOD)


def _read(spec: JobSpec, manifest: Manifest, store: Store) -> MeasuredAttribution:
    """The measures of a result. Raises Damaged."""
    table = store.item(manifest, "measures")
    if not isinstance(table, Table):
        raise Damaged(f"result {spec.key[:12]} has no table of measures")
    measures = {name: Interval(*numbers) for name, _, *numbers in table.rows if name in MEASURES}
    parameters = spec.method.model_dump(mode="json")
    name = parameters["attribution"]
    return MeasuredAttribution(
        spec.network_name or "", label(name, parameters["parameters"]), name in BASELINES, measures, spec.key
    )


def label(name: str, parameters: Mapping[str, Any]) -> str:
    """An attribution method's title, and its parameters that differ from the defaults."""
    if name not in METHODS:
        return words(name)
    defaults = METHODS[name]().model_dump(mode="json")
    changed = [f"{phrase(key)} {value}" for key, value in parameters.items() if value != defaults.get(key)]
    return ", ".join((METHODS[name].title, *changed))


def _in_order(measured: Sequence[MeasuredAttribution]) -> tuple[MeasuredAttribution, ...]:
    return tuple(sorted(measured, key=lambda one: (one.baseline, one.label, one.network)))


def to_bytes(measured: Measurement) -> bytes:
    """The numbers as JSON, without their results."""
    attributions = [_document(attribution) for attribution in measured.attributions]
    return canonical_json({"protocol": measured.protocol, "attributions": attributions})


def _document(measured: MeasuredAttribution) -> dict[str, Any]:
    return {
        "network": measured.network,
        "label": measured.label,
        "baseline": measured.baseline,
        "fails_sanity_check": measured.fails_sanity_check,
        "measures": measures_document(measured),
    }


def measures_document(measured: MeasuredAttribution) -> dict[str, dict[str, Any]]:
    """Measure's name -> `{value, low, high, pictures, reason}`, for JSON; see `Interval`."""
    return {name: asdict(over) for name, over in measured.measures.items()}


def from_bytes(content: bytes) -> Measurement:
    """The measurement that `to_bytes` wrote."""
    document = json.loads(content)
    return Measurement(document["protocol"], tuple(map(_from_document, document["attributions"])))


def _from_document(document: Mapping[str, Any]) -> MeasuredAttribution:
    measured = {name: Interval(**numbers) for name, numbers in document["measures"].items()}
    return MeasuredAttribution(document["network"], document["label"], document["baseline"], measured)


@lru_cache(maxsize=1)
def bundled_measurement() -> Measurement | None:
    """The measurement that ships with Gazegrid, of the bundled networks; None without the file."""
    return from_bytes(BUNDLED_MEASUREMENT.read_bytes()) if BUNDLED_MEASUREMENT.exists() else None
