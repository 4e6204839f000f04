"""Training records of the networks that Gazegrid trained, stored beside their weights; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.networks.config import small_file
from core.networks.folders import bundled_files, local_files

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    """Base of the record's parts; unknown fields, of a later Gazegrid, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class DatasetFacts(_Part):
    """Digest and sizes of the data set."""

    digest: str
    classes: Count
    """Number of classes."""
    training: Count
    """Number of training pictures."""
    held_out: Count
    """Number of validation pictures."""


class Metrics(_Part):
    """Outcome of the training."""

    top1: Share
    """Validation accuracy, 0 to 1."""
    parameters: Count
    """Number of trained parameters."""


class Confusion(NamedTuple):
    """`times` of the `of` held-out pictures of class `picture_of` are predicted as class `taken_for`."""

    picture_of: str
    taken_for: str
    times: int
    of: int


class TrainingRecord(_Part):
    """Recipe, course and outcome of a training, as `workers.cli.training.training_record` writes it."""

    key: str
    """Key of the training's result, 64 hex digits."""
    parameters: Mapping[str, Any]
    """Parameters of the method `train`."""
    seed: int
    dataset: DatasetFacts
    accuracy: Annotated[tuple[Share, ...], Field(min_length=1)]
    """Validation accuracy after each epoch, 0 to 1."""
    loss: tuple[float, ...]
    """Mean training loss of each epoch."""
    confusions: tuple[Confusion, ...]
    """The most frequent first."""
    metrics: Metrics
    seconds: Annotated[float, Field(ge=0)]
    """Duration of the training in seconds."""
    device: str
    versions: Mapping[str, str]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(self.loss) != len(self.accuracy):
            raise ValueError("each epoch must have an accuracy and a loss")
        return self

    @property
    def epoch_minutes(self) -> float:
        """Mean duration of an epoch in minutes."""
        return self.seconds / 60 / len(self.accuracy)


def training_record(name: str) -> TrainingRecord | None:
    """The record of `bundled/...` or `local/...`; None if there is none, or it cannot be read."""
    files = (bundled_files() | local_files()).get(name)
    try:
        return TrainingRecord.model_validate_json(small_file(files.record)) if files else None
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Hardest:
    """The network that needed the most epochs to reach an accuracy that all reached."""

    name: str
    accuracy: float
    """Highest accuracy that all networks reached, 0 to 1."""
    epochs: Mapping[str, int]
    """Network name -> epochs until it first reached that accuracy."""


def hardest_to_train(records: Mapping[str, TrainingRecord]) -> Hardest | None:
    """The network that needed the most epochs to reach the highest accuracy that all of them reached.

    Ties are decided by the lower final accuracy; None for a tie in both, and for fewer than two networks. The networks
    must have been trained on the same data set.
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
