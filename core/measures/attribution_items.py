"""What was measured of an attribution, as the items of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.items import Item, Scalar, Series, Table
from core.measures.attributions import MEASURES, SHOWN, Measured, Numbers, Row, column, summary
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from core.measures.subjects import Subject

COLUMNS = ("measure", "what it says", "value", "low", "high", "pictures")
BEST_SHOWN, BEST_HIDDEN = "Best pixels shown, share", "Best pixels hidden, share"
PROBABILITY, KEPT = "Probability of the answer", "Pictures whose answer is kept, share"


def items(rows: Sequence[Row], subjects: Sequence[Subject], card: NetworkCard) -> dict[str, Item]:
    """Tables, curves and the main numbers; the first rows are those of the subjects, in their order."""
    found = summary(rows)
    inserted, deleted = (column(rows, name).mean(axis=0) for name in ("inserted", "deleted"))
    steps, shares = np.linspace(0, 1, len(inserted)), np.array(SHOWN) / 100
    return {
        "measures": Table(columns=COLUMNS, rows=tuple(_table(found))),
        "insertion_curve": _curve(steps, inserted, BEST_SHOWN, PROBABILITY),
        "deletion_curve": _curve(steps, deleted, BEST_HIDDEN, PROBABILITY),
        "retained_curve": _curve(shares, _values(found, "shown"), BEST_SHOWN, KEPT),
        "removed_curve": _curve(shares, _values(found, "hidden"), BEST_HIDDEN, KEPT),
        "by_picture": _by_picture(rows[: len(subjects)], subjects, card),
        "insertion": Scalar(value=found["insertion"].interval.value),
        "deletion": Scalar(value=found["deletion"].interval.value),
        "pictures": Scalar(value=len(subjects)),
    }


def _table(found: Mapping[str, Measured]) -> Iterator[tuple[str, str, float, float, float, int]]:
    for name, measured in found.items():
        of = measured.interval
        yield name, MEASURES[name].title, of.value, of.low, of.high, measured.pictures


def _values(found: Mapping[str, Measured], kind: str) -> Numbers:
    return np.array([found[f"{kind}_{share}"].interval.value for share in SHOWN])


def _curve(x: Numbers, y: Numbers, x_label: str, y_label: str) -> Series:
    return Series(x=x.astype(np.float32), y=y.astype(np.float32), x_label=x_label, y_label=y_label)


def _by_picture(rows: Sequence[Row], subjects: Sequence[Subject], card: NetworkCard) -> Table:
    names = [name for name in MEASURES if any(name in row for row in rows)]
    numbers = [
        (subject.number, card.class_names[subject.answer], *(row.get(name) for name in names))
        for subject, row in zip(subjects, rows, strict=True)
    ]
    return Table(columns=("picture", "answer", *names), rows=tuple(numbers))
