"""Attribution quality on a network: the measures by name, and their values over many pictures.

NumPy only, so that pages and command line need no torch. A row holds the measures of one picture, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.measures.intervals import Interval, interval, share_interval, wilson
from core.measures.localization import best_box_accuracy

Numbers = NDArray[np.float64]
Row = Mapping[str, Any]
"""Name of a measure -> value, or list of values for a curve; JSON."""

PIXEL_PERCENTS = (10, 20, 30, 50)
"""Percentages of top pixels that are kept, or blurred; the same for all maps, so that they compare."""
RANDOMIZED_PERCENTS = (0, 33, 67, 100)
"""Percentages of a network's layers whose weights are randomized, from the top; 0: the last layer alone."""
FULLY_RANDOMIZED = f"randomized_{RANDOMIZED_PERCENTS[-1]}"
CONSTANT = "constant"
"""Entry of a row: 1 where the map is constant, so that its pixels have no order, else 0."""
CONSTANT_MAPS = "all maps are constant"
NO_CORRELATION = "a constant map has no rank correlation"
MAX_CORRELATION = 0.5
"""A map whose rank correlation exceeds this with all weights randomized fails the sanity check."""


@dataclass(frozen=True)
class Measure:
    """A measure as it is displayed; all values are shares or lie between -1 and 1."""

    name: str
    title: str
    better: Literal["high", "low", ""]
    is_share: bool = False
    """Whether it is a share of the pictures, a yes or no for each"""
    least: float = 0.0
    """Least possible value; the greatest is 1"""


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
            is_share=True,
        )
        for percent in PIXEL_PERCENTS
    },
    **{
        f"hidden_{percent}": Measure(
            f"Prediction retained without the top {percent} %",
            f"Share of pictures whose predicted class stays when the top {percent} % of the pixels are hidden",
            "low",
            is_share=True,
        )
        for percent in PIXEL_PERCENTS
    },
    CONSTANT: Measure(
        "Constant maps",
        "Share of pictures whose map is constant: they are measured as a random order of the pixels",
        "low",
        is_share=True,
    ),
    "inside": Measure("Energy-based pointing game", "Share of the map's energy inside the object's box", "high"),
    "area": Measure("Box area", "Share of the picture that the object's box covers", ""),
    "pointing": Measure(
        "Pointing game", "Share of pictures whose map has its maximum in the object's box", "high", is_share=True
    ),
    "pointing_near": Measure(
        "Pointing game, 15 px tolerance",
        "Pointing game with a tolerance of 15 px at 224 px around the box",
        "high",
        is_share=True,
    ),
    "box_accuracy": Measure(
        "MaxBoxAccV2",
        "Share of pictures whose map's box overlaps the object's box, mean over IoU thresholds",
        "high",
        is_share=True,
    ),
    "collage": Measure("Collage", "Share of the map's energy on the target half of a two-picture collage", "high"),
    "collage_majority": Measure(
        "Collage, majority",
        "Share of collages with most of the map's energy on the target half",
        "high",
        is_share=True,
    ),
    **{
        f"randomized_{percent}": Measure(
            f"{part.capitalize()} randomized",
            f"Rank correlation of the maps before and after {part_is} randomized",
            "low",
            least=-1.0,
        )
        for percent, part, part_is in (
            (0, "last block", "the last block is"),
            (33, "last third", "the last third is"),
            (67, "last two thirds", "the last two thirds are"),
            (100, "all weights", "all weights are"),
        )
    },
}
"""In display order."""


def summary(rows: Sequence[Row]) -> dict[str, Interval]:
    """The measures that any row holds, in the order of `MEASURES`, with 95 % intervals over the rows.

    A measure of maps has no value where all maps are constant, as then it describes no map.
    """
    summaries = {name: _over(name, values) for name in MEASURES if len(values := column(rows, name))}
    if len(overlaps := column(rows, "overlaps")):
        summaries["box_accuracy"] = wilson(float(best_box_accuracy(overlaps)), len(overlaps))
    if _all_constant(rows):
        without = {name: Interval(None, None, None, over.pictures, CONSTANT_MAPS) for name, over in summaries.items()}
        summaries = without | {name: over for name, over in summaries.items() if name in {"area", CONSTANT}}
    return {name: summaries[name] for name in MEASURES if name in summaries}


def _over(name: str, values: Numbers) -> Interval:
    measure = MEASURES[name]
    over = share_interval(values) if measure.is_share else interval(values, bounds=(measure.least, 1.0))
    return over if over.value is not None else replace(over, reason=NO_CORRELATION)


def _all_constant(rows: Sequence[Row]) -> bool:
    known = [row[CONSTANT] for row in rows if CONSTANT in row]
    return bool(known) and all(known)


def column(rows: Sequence[Row], name: str) -> Numbers:
    """Values of one measure in the rows that hold it, (N,) or (N, points of the curve); nan where a row has None."""
    return np.array([row[name] for row in rows if name in row], dtype=np.float64)  # None becomes nan


def fails_sanity_check(summaries: Mapping[str, Interval]) -> bool | None:
    """Whether maps hardly change when all weights are randomized, so that they cannot explain the network.

    None where it is open: not measured, over too few pictures, or with `MAX_CORRELATION` inside the interval.
    """
    fully_randomized = summaries.get(FULLY_RANDOMIZED)
    side = 0 if fully_randomized is None else fully_randomized.side_of(MAX_CORRELATION)
    return None if side == 0 else side > 0
