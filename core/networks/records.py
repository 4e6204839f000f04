"""How the networks that Gazegrid trained have learned: the records beside their weights. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.networks.folders import bundled_files, local_files

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    """What a later Gazegrid may write besides is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class DatasetFacts(_Part):
    """The labeled pictures, without the pictures."""

    digest: str
    classes: Count
    training: Count
    """Pictures that were learned from."""
    held_out: Count
    """Pictures that the accuracy was measured on."""


class Metrics(_Part):
    """What the training came to."""

    top1: Share
    parameters: Count


class Confusion(NamedTuple):
    """Of the `of` held-out pictures of a class, `times` were taken for another."""

    picture_of: str
    taken_for: str
    times: int
    of: int


class TrainingRecord(_Part):
    """How a network was trained and what it is worth, as `workers.cli.training.training_record` writes it."""

    key: str
    """Of the result, 64 hex digits."""
    parameters: Mapping[str, Any]
    """Of the method `train`: the recipe."""
    seed: int
    dataset: DatasetFacts
    accuracy: Annotated[tuple[Share, ...], Field(min_length=1)]
    """Share of the held-out pictures that are named right, after each epoch."""
    loss: tuple[float, ...]
    """Mean of each epoch."""
    confusions: tuple[Confusion, ...]
    """The most frequent first."""
    metrics: Metrics
    seconds: Annotated[float, Field(ge=0)]
    device: str
    versions: Mapping[str, str]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(self.loss) != len(self.accuracy):
            raise ValueError("each epoch has an accuracy and a loss")
        return self

    @property
    def epoch_minutes(self) -> float:
        """What an epoch took, in the mean."""
        return self.seconds / 60 / len(self.accuracy)


def training_record(name: str) -> TrainingRecord | None:
    """The record of `bundled/...` or `local/...`; None where there is none, or none that can be read."""
    files = (bundled_files() | local_files()).get(name)
    try:
        return TrainingRecord.model_validate_json(files.record.read_bytes()) if files else None
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Hardest:
    """The network that needed the most epochs for an accuracy that all reached."""

    name: str
    accuracy: float
    """The highest that every one of the networks reached, a share of 1."""
    epochs: Mapping[str, int]
    """Until each network first reached it."""


def hardest_to_train(records: Mapping[str, TrainingRecord]) -> Hardest | None:
    """Which of these networks needed the most epochs for the highest accuracy that all of them reached.

    Of those that needed equally many, the one that was worst at the end; None where that is no single one, and where
    fewer than two are compared. Only networks of the same data set can be compared.
    """
    if len(records) < 2:
        return None
    common = min(max(record.accuracy) for record in records.values())
    epochs = {
        name: next(epoch for epoch, share in enumerate(record.accuracy, 1) if share >= common)
        for name, record in records.items()
    }
    hardness = {name: (epochs[name], -record.accuracy[-1]) for name, record in records.items()}
    first, second = sorted(hardness, key=hardness.__getitem__, reverse=True)[:2]
    return None if hardness[first] == hardness[second] else Hardest(first, common, epochs)
