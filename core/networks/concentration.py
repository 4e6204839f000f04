"""What the bundled networks that have a map of evidence were measured to do with it. Needs no torch.

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
    """What removing something did, over all pictures."""

    probability_before: float
    """Mean probability of the picture's own class."""
    probability_after: float
    accuracy_before: float
    """Share of the pictures that are named right."""
    accuracy_after: float
    more_confident: float
    """Share of the pictures whose own class has become more probable."""


@dataclass(frozen=True)
class Concentration:
    """Whether a network's answer rests on its strongest place."""

    weights_sha256: str
    """Of the network that was measured."""
    pictures: int
    top1_by_size: dict[int, float]
    """Share of the pictures that are named right when shown at this many pixels a side."""
    runner_up_suppressed: BeforeAfter
    """The features of the class that rivals the picture's own the most are driven out of it, its own are held."""
    one_place_counted: BeforeAfter
    """Of the evidence for the picture's own class all but the strongest place is removed."""
    with_one_place_left: BeforeAfter
    """The features of the picture's own class are driven out of it, but for a window around the strongest place."""


_DOCUMENT = TypeAdapter(dict[str, Concentration])


def concentrations() -> dict[str, Concentration]:
    """What was measured, by the network's name; empty where nothing was."""
    return _DOCUMENT.validate_json(CONCENTRATIONS.read_bytes()) if CONCENTRATIONS.is_file() else {}


def to_bytes(measured: Mapping[str, Concentration]) -> bytes:
    """The file's content."""
    return _DOCUMENT.dump_json(dict(measured), indent=1) + b"\n"
