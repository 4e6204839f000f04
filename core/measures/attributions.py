"""Attribution quality on a network: the measures by name, and their values over many pictures.

NumPy only, so that pages and command line need no torch. A row holds the measures of one picture, by name.
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
"""Name of a measure -> value, or list of values for a curve; JSON."""

PIXEL_PERCENTS = (10, 20, 30, 50)
"""Percentages of top pixels that are kept, or blurred; the same for all maps, so that they compare."""
RANDOMIZED_PERCENTS = (0, 33, 67, 100)
"""Percentages of a network's layers whose weights are randomized, from the top; 0: the last layer alone."""
MAX_CORRELATION = 0.5
"""A map whose rank correlation exceeds this with all weights randomized fails the sanity check."""


@dataclass(frozen=True)
class Measure:
    """A measure as it is displayed; all values are shares or lie between -1 and 1."""

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
        f"shown_{percent}": Measure(
            f"Prediction retained, top {percent} % of pixels",
            f"Share of pictures whose predicted class stays when only the top {percent} % of the pixels are shown",
            "high",
        )
        for percent in PIXEL_PERCENTS
    },
    **{
        f"hidden_{percent}": Measure(
            f"Prediction retained without the top {percent} %",
            f"Share of pictures whose predicted class stays when the top {percent} % of the pixels are hidden",
            "low",
        )
        for percent in PIXEL_PERCENTS
    },
    "inside": Measure("Energy-based pointing game", "Share of the map's energy inside the object's box", "high"),
    "area": Measure("Box area", "Share of the picture that the object's box covers", ""),
    "pointing": Measure("Pointing game", "Share of pictures whose map has its maximum in the object's box", "high"),
    "pointing_near": Measure(
        "Pointing game, 15 px tolerance", "Pointing game with a tolerance of 15 px at 224 px around the box", "high"
    ),
    "box_accuracy": Measure(
        "MaxBoxAccV2", "Share of pictures whose map's box overlaps the object's box, mean over IoU thresholds", "high"
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
"""In display order."""


@dataclass(frozen=True)
class Measured:
    """One measure over many pictures."""

    interval: Interval
    pictures: int


def summary(rows: Sequence[Row]) -> dict[str, Measured]:
    """The measures that any row holds, in the order of `MEASURES`, with 95 % intervals over the rows."""
    summaries = {
        name: Measured(interval(values), len(values)) for name in MEASURES if len(values := column(rows, name))
    }
    overlaps = column(rows, "overlaps")
    if len(overlaps):
        summaries["box_accuracy"] = Measured(interval(overlaps, best_box_accuracy), len(overlaps))
    return {name: summaries[name] for name in MEASURES if name in summaries}


def column(rows: Sequence[Row], name: str) -> Numbers:
    """Values of one measure in the rows that hold it, (N,) or (N, points of the curve)."""
    return np.array([row[name] for row in rows if name in row], dtype=np.float64)


def fails_sanity_check(summaries: Mapping[str, Measured]) -> bool:
    """Whether maps hardly change when all weights are randomized, so that they cannot explain the network."""
    fully_randomized = summaries.get(f"randomized_{RANDOMIZED_PERCENTS[-1]}")
    return fully_randomized is not None and fully_randomized.interval.value > MAX_CORRELATION
