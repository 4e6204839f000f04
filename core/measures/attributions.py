"""What an attribution method is worth on a network: the measures by name, and their values over many pictures.

In NumPy alone: pages and command line need no torch for it. A row holds what was measured of one picture, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.measures.bootstrap import Interval, interval
from core.measures.localization import best_box_accuracy

Numbers = NDArray[np.float64]
Row = Mapping[str, Any]
"""Measure's name -> number, or a list of numbers where it is a curve; JSON."""

SHOWN = (10, 20, 30, 50)
"""Percent of the pixels that are shown alone, or hidden; the same for all, so that maps compare."""
STAGES = (0, 33, 67, 100)
"""Percent of a network's parts whose weights are randomized, from the top; 0: the last part alone."""
SURVIVES = 0.5
"""A map that keeps more of its order than this when all weights are random survives randomization."""


@dataclass(frozen=True)
class Measure:
    """A number as a reader sees it; all are shares or lie between -1 and 1."""

    name: str
    title: str
    better: Literal["high", "low", ""]


MEASURES: Mapping[str, Measure] = {
    "insertion": Measure("Insertion", "Area under the answer's probability as the best pixels are shown", "high"),
    "deletion": Measure("Deletion", "Area under the answer's probability as the best pixels are hidden", "low"),
    **{
        f"shown_{q}": Measure(
            f"Kept, {q} % shown", f"Answers kept with only the best {q} % of the pixels shown", "high"
        )
        for q in SHOWN
    },
    **{
        f"hidden_{q}": Measure(f"Kept, {q} % hidden", f"Answers kept with the best {q} % of the pixels hidden", "low")
        for q in SHOWN
    },
    "inside": Measure("Weight in the box", "Share of the map's weight that lies in the object's box", "high"),
    "area": Measure("Box area", "Share of the picture that the object's box covers", ""),
    "pointing": Measure("Pointing game", "Pictures whose map has its maximum in the object's box", "high"),
    "pointing_near": Measure("Pointing, near", "The same, with 15 px at 224 px beside the box allowed", "high"),
    "box_accuracy": Measure("MaxBoxAccV2", "Maps whose own box overlaps the object's enough", "high"),
    "collage": Measure("Collage", "Share of the weight on the half that is asked for, of two pictures", "high"),
    "collage_majority": Measure("Collage, most", "Collages with most of the weight on the asked half", "high"),
    "randomized_0": Measure("Last part random", "Rank correlation of the map with that of random weights", "low"),
    "randomized_33": Measure("Last third random", "The same, for the last third of the parts", "low"),
    "randomized_67": Measure("Last two thirds random", "The same, for the last two thirds of the parts", "low"),
    "randomized_100": Measure("All random", "The same, with all weights random", "low"),
}
"""In the order in which they are shown."""


@dataclass(frozen=True)
class Measured:
    """One measure over many pictures."""

    interval: Interval
    pictures: int


def summary(rows: Sequence[Row]) -> dict[str, Measured]:
    """The measures that some row holds, in the order of `MEASURES`, with 95 % intervals over the rows."""
    found = {name: Measured(interval(values), len(values)) for name in MEASURES if len(values := column(rows, name))}
    overlaps = column(rows, "overlaps")
    if len(overlaps):
        found["box_accuracy"] = Measured(interval(overlaps, best_box_accuracy), len(overlaps))
    return {name: found[name] for name in MEASURES if name in found}


def column(rows: Sequence[Row], name: str) -> Numbers:
    """One measure of the rows that hold it, (N,) or (N, points of the curve)."""
    return np.array([row[name] for row in rows if name in row], dtype=np.float64)


def fails_sanity_check(found: Mapping[str, Measured]) -> bool:
    """Whether the maps stay nearly the same when the network has learned nothing: then they do not explain it."""
    last = found.get(f"randomized_{STAGES[-1]}")
    return last is not None and last.interval.value > SURVIVES
