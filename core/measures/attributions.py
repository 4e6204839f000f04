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
    "insertion": Measure(
        "Insertion", "Area under the curve of the class probability as the top-ranked pixels are inserted", "high"
    ),
    "deletion": Measure(
        "Deletion", "Area under the curve of the class probability as the top-ranked pixels are deleted", "low"
    ),
    **{
        f"shown_{q}": Measure(
            f"Prediction retained, top {q} % of pixels",
            f"Share of pictures whose predicted class stays when only the top {q} % of the pixels are shown", "high",
        )
        for q in SHOWN
    },
    **{
        f"hidden_{q}": Measure(
            f"Prediction retained without the top {q} %",
            f"Share of pictures whose predicted class stays when the top {q} % of the pixels are hidden", "low",
        )
        for q in SHOWN
    },
    "inside": Measure("Energy-based pointing game", "Share of the map's energy inside the object's box", "high"),
    "area": Measure("Box area", "Share of the picture that the object's box covers", ""),
    "pointing": Measure("Pointing game", "Share of pictures whose map has its maximum in the object's box", "high"),
    "pointing_near": Measure(
        "Pointing game, 15 px tolerance", "Pointing game with a tolerance of 15 px at 224 px around the box", "high"
    ),
    "box_accuracy": Measure(
        "MaxBoxAccV2", "Share of pictures where the map's box overlaps the object's box, mean over IoU thresholds", "high"
    ),
    "collage": Measure("Collage", "Share of the map's energy on the target half of a two-picture collage", "high"),
    "collage_majority": Measure(
        "Collage, majority", "Share of collages with most of the map's energy on the target half", "high"
    ),
    "randomized_0": Measure(
        "Last block randomized", "Rank correlation of the maps before and after the last block is randomized", "low"
    ),
    "randomized_33": Measure(
        "Last third randomized", "Rank correlation of the maps before and after the last third is randomized", "low"
    ),
    "randomized_67": Measure(
        "Last two thirds randomized",
        "Rank correlation of the maps before and after the last two thirds are randomized", "low",
    ),
    "randomized_100": Measure(
        "All weights randomized", "Rank correlation of the maps before and after all weights are randomized", "low"
    ),
}  # fmt: skip
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
