"""Attributions that were measured, side by side: results of `measure_attributions`, and the numbers that came along."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from core.canonical import canonical_json
from core.display.wording import words
from core.errors import BadInput
from core.items import Table
from core.jobs.spec import JobSpec
from core.measures import attributions
from core.measures.attributions import MEASURES, Measured
from core.measures.baselines import BASELINES
from core.measures.bootstrap import Interval
from core.methods import METHODS
from core.networks.folders import BUNDLED
from core.store.manifest import Manifest
from core.store.store import Store

METHOD = "measure_attributions"
WHOSE = ("attribution", "parameters", "attribution_version")
"""Parameters that say what is measured; all others say how."""
BUNDLED_MEASUREMENT = BUNDLED / "measures" / "attributions.json"


@dataclass(frozen=True)
class MeasuredAttribution:
    """One method, or one map that knows nothing, on one network."""

    network: str
    label: str
    """`Grad-CAM`, or with what differs from the method's defaults: `Grad-CAM, depth 50`"""
    baseline: bool
    measures: Mapping[str, Measured]
    key: str = ""
    """Of the result behind it; empty where only the numbers came along"""

    @property
    def fails_sanity_check(self) -> bool:
        """Whether its maps hardly change when all weights are random: then they do not explain the network."""
        return not self.baseline and attributions.fails_sanity_check(self.measures)


@dataclass(frozen=True)
class Measurement:
    """Attributions that were measured in the same way on the same data, so that they compare."""

    protocol: Mapping[str, Any]
    """Digest of the data set, seed, and the parameters of `measure_attributions`"""
    attributions: tuple[MeasuredAttribution, ...] = field(default=())

    @property
    def networks(self) -> list[str]:
        """Names, in the order of the alphabet."""
        return sorted({found.network for found in self.attributions})

    @property
    def labels(self) -> list[str]:
        """Methods first, maps that know nothing last."""
        return list(dict.fromkeys(found.label for found in self.attributions))

    @property
    def measures(self) -> list[str]:
        """Names of the measures that were taken of any of them."""
        return [name for name in MEASURES if any(name in found.measures for found in self.attributions)]

    @property
    def pictures(self) -> int:
        """That were measured at least."""
        return min((found.measures["insertion"].pictures for found in self.attributions), default=0)

    def of(self, network: str, label: str) -> MeasuredAttribution | None:
        """This method on this network, where it was measured."""
        return next((found for found in self.attributions if (found.network, found.label) == (network, label)), None)


def measurements(store: Store) -> list[Measurement]:
    """All that is in the store and can be computed in this version, by how it was measured; the largest first."""
    groups: dict[bytes, list[MeasuredAttribution]] = {}
    for key in store.result_keys():
        spec, manifest = _measuring(store, key)
        if spec is not None and manifest is not None:
            groups.setdefault(canonical_json(_protocol(spec)), []).append(_read(spec, manifest, store))
    found = [Measurement(json.loads(protocol), _in_order(group)) for protocol, group in groups.items()]
    return sorted(found, key=lambda measurement: len(measurement.attributions), reverse=True)


def measurement(specs: Sequence[JobSpec], store: Store) -> Measurement:
    """What is in the store of these jobs, which measure in the same way."""
    manifests = [(spec, store.manifest(spec.key)) for spec in specs]
    found = [_read(spec, manifest, store) for spec, manifest in manifests if manifest is not None]
    return Measurement(_protocol(specs[0]) if specs else {}, _in_order(found))


def _protocol(spec: JobSpec) -> dict[str, Any]:
    how = {name: value for name, value in spec.method.model_dump(mode="json").items() if name not in WHOSE}
    return {"dataset": spec.dataset, "seed": spec.seed, **how}


def _measuring(store: Store, key: str) -> tuple[JobSpec | None, Manifest | None]:
    """The job behind a result, and the result, where it is a measurement of this version."""
    try:
        if not _is_measurement(store, key):
            return None, None
        manifest = store.manifest(key)
        return (JobSpec.from_document(manifest.spec), manifest) if manifest else (None, None)
    except (BadInput, LookupError):  # of another version, or it went away meanwhile
        return None, None


@lru_cache(maxsize=200_000)
def _is_measurement(store: Store, key: str) -> bool:
    """A key always stands for the same job. Raises LookupError, which is not remembered, where there is no result."""
    manifest = store.manifest(key)
    if manifest is None:
        raise LookupError(key)
    return bool(manifest.spec["method"]["name"] == METHOD)


def _read(spec: JobSpec, manifest: Manifest, store: Store) -> MeasuredAttribution:
    table = store.item(manifest, "measures")
    if not isinstance(table, Table):
        raise BadInput(f"result {spec.key[:12]} holds no measures")
    found = {row[0]: Measured(Interval(*row[2:5]), int(row[5])) for row in table.rows if row[0] in MEASURES}
    parameters = spec.method.model_dump(mode="json")
    name = parameters["attribution"]
    return MeasuredAttribution(
        spec.network_name or "", label(name, parameters["parameters"]), name in BASELINES, found, spec.key
    )


def label(name: str, parameters: Mapping[str, Any]) -> str:
    """A method's title and what differs from its defaults."""
    if name not in METHODS:
        return words(name)
    usual = METHODS[name]().model_dump(mode="json")
    changed = [f"{words(key).lower()} {value}" for key, value in parameters.items() if value != usual.get(key)]
    return ", ".join((METHODS[name].title, *changed))


def _in_order(found: Sequence[MeasuredAttribution]) -> tuple[MeasuredAttribution, ...]:
    return tuple(sorted(found, key=lambda one: (one.baseline, one.label, one.network)))


def to_bytes(found: Measurement) -> bytes:
    """The numbers as JSON, without the results behind them."""
    return canonical_json({"protocol": found.protocol, "attributions": list(_documents(found))})


def _documents(found: Measurement) -> Iterator[dict[str, Any]]:
    for one in found.attributions:
        measured = {
            name: {**asdict(value.interval), "pictures": value.pictures} for name, value in one.measures.items()
        }
        yield {
            "network": one.network,
            "label": one.label,
            "baseline": one.baseline,
            "fails_sanity_check": one.fails_sanity_check,
            "measures": measured,
        }


def from_bytes(content: bytes) -> Measurement:
    """What `to_bytes` was given."""
    document = json.loads(content)
    return Measurement(document["protocol"], tuple(map(_from_document, document["attributions"])))


def _from_document(document: Mapping[str, Any]) -> MeasuredAttribution:
    measured = {
        name: Measured(Interval(value["value"], value["low"], value["high"]), value["pictures"])
        for name, value in document["measures"].items()
    }
    return MeasuredAttribution(document["network"], document["label"], document["baseline"], measured)


@lru_cache(maxsize=1)
def bundled_measurement() -> Measurement | None:
    """What was measured of the networks that come with Gazegrid; None where nothing was."""
    return from_bytes(BUNDLED_MEASUREMENT.read_bytes()) if BUNDLED_MEASUREMENT.exists() else None
