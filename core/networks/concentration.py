"""Measured concentration of the bundled networks with evidence maps, without torch.

`core.measures.concentration` measures it; `python -m workers.make.bundled` writes it beside the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from core.networks.folders import BUNDLED

CONCENTRATIONS = BUNDLED / "measures" / "concentration.json"


@dataclass(frozen=True)
class BeforeAfter:
    """Effect of an intervention, over all pictures."""

    probability_before: float
    """Mean probability of the true class, 0 to 1."""
    probability_after: float
    accuracy_before: float
    """Top-1 accuracy, 0 to 1."""
    accuracy_after: float
    more_confident: float
    """Share of the pictures whose true class becomes more probable, 0 to 1."""


@dataclass(frozen=True)
class Concentration:
    """How far a network's predictions depend on the position with the strongest evidence."""

    weights_sha256: str
    """SHA-256 of the measured network's weights."""
    pictures: int
    """Number of pictures."""
    top1_by_size: dict[int, float]
    """Side of the pictures in pixels -> top-1 accuracy, 0 to 1."""
    runner_up_suppressed: BeforeAfter
    """The evidence for the runner-up class is suppressed by optimization, that for the true class is held."""
    one_place_counted: BeforeAfter
    """The evidence for the true class is removed at all positions but the strongest."""
    with_one_place_left: BeforeAfter
    """The evidence for the true class is suppressed by optimization, except around the strongest position."""


_DOCUMENT = TypeAdapter(dict[str, Concentration])


def concentrations() -> dict[str, Concentration]:
    """Network name -> measured concentration; empty if none was measured."""
    return _DOCUMENT.validate_json(CONCENTRATIONS.read_bytes()) if CONCENTRATIONS.is_file() else {}


def to_bytes(measured: Mapping[str, Concentration]) -> bytes:
    """The content of the file `CONCENTRATIONS`."""
    return _DOCUMENT.dump_json(dict(measured), indent=1) + b"\n"
