"""Measures of an attribution as items of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.items import Item, Scalar, Series, Table
from core.measures.attributions import MEASURES, PIXEL_PERCENTS, Measured, Numbers, Row, column, summary
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from core.measures.subjects import Subject

COLUMNS = ("measure", "description", "value", "low", "high", "pictures")
TOP_INSERTED, TOP_DELETED = "Top pixels inserted, share", "Top pixels deleted, share"
PROBABILITY, RETAINED = "Target probability", "Predictions retained, share"


def items(rows: Sequence[Row], subjects: Sequence[Subject], card: NetworkCard) -> dict[str, Item]:
    """Tables, curves and main values; the first rows are those of the subjects, in their order."""
    summaries = summary(rows)
    inserted, deleted = (column(rows, name).mean(axis=0) for name in ("inserted", "deleted"))
    steps, shares = np.linspace(0, 1, len(inserted)), np.array(PIXEL_PERCENTS) / 100
    return {
        "measures": Table(columns=COLUMNS, rows=tuple(_table(summaries))),
        "insertion_curve": _curve(steps, inserted, TOP_INSERTED, PROBABILITY),
        "deletion_curve": _curve(steps, deleted, TOP_DELETED, PROBABILITY),
        "retained_curve": _curve(shares, _values(summaries, "shown"), TOP_INSERTED, RETAINED),
        "removed_curve": _curve(shares, _values(summaries, "hidden"), TOP_DELETED, RETAINED),
        "by_picture": _by_picture(rows[: len(subjects)], subjects, card),
        "insertion": Scalar(value=summaries["insertion"].interval.value),
        "deletion": Scalar(value=summaries["deletion"].interval.value),
        "pictures": Scalar(value=len(subjects)),
    }


def _table(summaries: Mapping[str, Measured]) -> Iterator[tuple[str, str, float, float, float, int]]:
    for name, measured in summaries.items():
        interval = measured.interval
        yield name, MEASURES[name].title, interval.value, interval.low, interval.high, measured.pictures


def _values(summaries: Mapping[str, Measured], kind: str) -> Numbers:
    return np.array([summaries[f"{kind}_{share}"].interval.value for share in PIXEL_PERCENTS])


def _curve(x: Numbers, y: Numbers, x_label: str, y_label: str) -> Series:
    return Series(x=x.astype(np.float32), y=y.astype(np.float32), x_label=x_label, y_label=y_label)


def _by_picture(rows: Sequence[Row], subjects: Sequence[Subject], card: NetworkCard) -> Table:
    names = [name for name in MEASURES if any(name in row for row in rows)]
    table_rows = [
        (subject.number, card.class_names[subject.target], *(row.get(name) for name in names))
        for subject, row in zip(subjects, rows, strict=True)
    ]
    return Table(columns=("picture", "predicted class", *names), rows=tuple(table_rows))
