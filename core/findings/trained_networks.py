"""What the records say of the networks that Gazegrid trained, as a reader sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.display.wording import FAMILY_NAMES, formatted, listed
from core.errors import NetworkUnavailable
from core.method_base.method import field_extra
from core.methods.train import Train
from core.networks.card import NetworkCard
from core.networks.catalog import get_card
from core.networks.folders import bundled_files, file_sha256, local_files
from core.networks.records import TrainingRecord, hardest_to_train, training_record

OWN = ("architecture", "model_args")
"""Parameters in which networks differ that are trained by one recipe."""


@dataclass(frozen=True)
class Trained:
    """A network that Gazegrid trained."""

    card: NetworkCard
    record: TrainingRecord


def trained_networks() -> list[Trained]:
    """The bundled networks that have a record, then the local ones; without those that cannot be used."""
    return [found for name in (*bundled_files(), *local_files()) if (found := _trained(name)) is not None]


def _trained(name: str) -> Trained | None:
    record = training_record(name)
    try:
        return Trained(get_card(name), record) if record else None
    except NetworkUnavailable:
        return None


def comparable(networks: Iterable[Trained]) -> list[Trained]:
    """The most of them that learned the same data set; of several as large parts, the first."""
    parts: dict[str, list[Trained]] = {}
    for network in networks:
        parts.setdefault(network.record.dataset.digest, []).append(network)
    return max(parts.values(), key=len, default=[])


def hardest_sentence(networks: Iterable[Trained]) -> str:
    """Which of the comparable ones was the hardest to train, by the numbers; empty where the records do not say."""
    compared = {network.card.name: network for network in comparable(networks)}
    found = hardest_to_train({name: network.record for name, network in compared.items()})
    if found is None:
        return ""
    others = listed([f"{name} {epochs}" for name, epochs in found.epochs.items() if name != found.name])
    family = FAMILY_NAMES[compared[found.name].card.family]
    said = (
        f"By these records {found.name} ({family}) was the hardest to train: "
        f"{formatted(found.accuracy, 'share')}, the highest accuracy that all of them reached, "
        f"took it {epochs_in_words(found.epochs[found.name])}, {others}."
    )
    return said + " But their recipes differ too." * bool(differing(found.record for found in compared.values()))


def weights_sha256(name: str) -> str:
    """SHA-256 of the weights' file of `bundled/...` or `local/...`, 64 hex digits."""
    path = (bundled_files() | local_files())[name].weights
    return _hashed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, _changed: int) -> str:
    return file_sha256(path)


def data_words(record: TrainingRecord) -> str:
    """`100 classes, 50,000 pictures learned, 5,000 held out`."""
    data = record.dataset
    return f"{data.classes:,} classes, {data.training:,} pictures learned, {data.held_out:,} held out"


def recipe_lines(parameters: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(parameter, value, what it does) of a recipe, in the method's order; without those that decided nothing."""
    fields = Train.model_fields
    order = sorted(parameters, key=lambda name: list(fields).index(name) if name in fields else len(fields))
    idle = OWN if parameters.get("pretrained") else ()  # a network to go on from brings its architecture with it
    return [(name, _value(name, parameters[name]), _description(name)) for name in order if name not in idle]


def _value(name: str, value: Any) -> str:
    unit = (field_extra(Train.model_fields[name]).get("unit") or "") if name in Train.model_fields else ""
    if isinstance(value, Mapping):
        return ", ".join(f"{inner} {part}" for inner, part in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{number} {unit}".strip() or "none"


def _description(name: str) -> str:
    if name == "seed":
        return "What all randomness comes from."
    return (Train.model_fields[name].description or "") if name in Train.model_fields else ""


def epochs_in_words(count: int) -> str:
    """`1 epoch`, `20 epochs`."""
    return f"{count} epoch{'s' * (count != 1)}"


def differing(records: Iterable[TrainingRecord]) -> list[str]:
    """The parameters, beside the architecture, that are not the same in all, and `seed` where that is one of them."""
    known = [{**record.parameters, "seed": record.seed} for record in records]
    names = dict.fromkeys(name for parameters in known for name in parameters if name not in OWN)
    return [name for name in names if any(other.get(name) != known[0].get(name) for other in known)]
