"""The networks that Gazegrid trained, and their training records as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.display.wording import FAMILY_NAMES, formatted, listed, quantity
from core.errors import NetworkUnavailable
from core.method_base.method import field_extra
from core.methods.train import Train
from core.networks.card import NetworkCard
from core.networks.catalog import get_card
from core.networks.folders import bundled_files, file_sha256, local_files
from core.networks.records import TrainingRecord, hardest_to_train, training_record

ARCHITECTURE_PARAMETERS = ("architecture", "model_args")
"""Parameters that may differ between networks of one recipe."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that Gazegrid trained, with the record of its training."""

    card: NetworkCard
    record: TrainingRecord


def trained_networks() -> list[TrainedNetwork]:
    """The bundled networks that have a training record, then the local ones; without those that cannot be used."""
    return [network for name in (*bundled_files(), *local_files()) if (network := _trained(name)) is not None]


def _trained(name: str) -> TrainedNetwork | None:
    record = training_record(name)
    try:
        return TrainedNetwork(get_card(name), record) if record else None
    except NetworkUnavailable:
        return None


def comparable(networks: Iterable[TrainedNetwork]) -> list[TrainedNetwork]:
    """The largest group of networks that were trained on the same data set; the first of several as large."""
    groups: dict[str, list[TrainedNetwork]] = {}
    for network in networks:
        groups.setdefault(network.record.dataset.digest, []).append(network)
    return max(groups.values(), key=len, default=[])


def hardest_sentence(networks: Iterable[TrainedNetwork]) -> str:
    """Which of the comparable networks was the hardest to train, with the numbers; empty where records do not tell."""
    compared = {network.card.name: network for network in comparable(networks)}
    hardest = hardest_to_train({name: network.record for name, network in compared.items()})
    if hardest is None:
        return ""
    others = listed([f"{epochs} for {name}" for name, epochs in hardest.epochs.items() if name != hardest.name])
    sentence = (
        f"{hardest.name} ({FAMILY_NAMES[compared[hardest.name].card.family]}) was the hardest to train: "
        f"{epochs_text(hardest.epochs[hardest.name])} to {formatted(hardest.accuracy, 'share')}, the highest accuracy "
        f"that all networks reached, compared with {others}."
    )
    recipes_differ = bool(differing_parameters(network.record for network in compared.values()))
    return sentence + " Their training recipes differ as well." * recipes_differ


def weights_sha256(name: str) -> str:
    """SHA-256 of the weights file of `bundled/NAME` or `local/NAME`, 64 hex digits."""
    path = (bundled_files() | local_files())[name].weights
    return _hashed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, _changed: int) -> str:
    return file_sha256(path)


def dataset_summary(record: TrainingRecord) -> str:
    """`100 classes, 50,000 training pictures, 5,000 held out`."""
    data = record.dataset
    return (
        f"{quantity(data.classes, 'class')}, {quantity(data.training, 'training picture')}, {data.held_out:,} held out"
    )


def recipe_lines(parameters: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(parameter, value with unit, description) of a recipe in the method's order, without ignored parameters."""
    fields = Train.model_fields
    order = sorted(parameters, key=lambda name: list(fields).index(name) if name in fields else len(fields))
    ignored = ARCHITECTURE_PARAMETERS if parameters.get("pretrained") else ()  # which has its own architecture
    return [(name, _value(name, parameters[name]), _description(name)) for name in order if name not in ignored]


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
        return "Seed of all random numbers."
    return (Train.model_fields[name].description or "") if name in Train.model_fields else ""


def epochs_text(count: int) -> str:
    """A number of epochs: `1 epoch`, `20 epochs`."""
    return quantity(count, "epoch")


def differing_parameters(records: Iterable[TrainingRecord]) -> list[str]:
    """The parameters, `seed` included and the architecture excluded, that are not equal in all records."""
    known = [{**record.parameters, "seed": record.seed} for record in records]
    names = dict.fromkeys(name for parameters in known for name in parameters if name not in ARCHITECTURE_PARAMETERS)
    return [name for name in names if any(other.get(name) != known[0].get(name) for other in known)]
