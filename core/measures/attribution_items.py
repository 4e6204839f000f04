"""Measures of an attribution as items of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.items import Item, Scalar, Series, Table
from core.measures.attributions import MEASURES, PIXEL_PERCENTS, Numbers, Row, column, summary
from core.measures.intervals import Interval
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from core.measures.subjects import Subject

COLUMNS = ("measure", "description", "value", "low", "high", "pictures", "reason")
"""`reason`: why there is no value, or no interval; empty where there is."""
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
        "retained_curve": _curve(shares, _means(rows, "shown"), TOP_INSERTED, RETAINED),
        "removed_curve": _curve(shares, _means(rows, "hidden"), TOP_DELETED, RETAINED),
        "by_picture": _by_picture(rows[: len(subjects)], subjects, card),
        "insertion": _scalar(summaries["insertion"]),
        "deletion": _scalar(summaries["deletion"]),
        "pictures": Scalar(value=len(subjects)),
    }


def _table(summaries: Mapping[str, Interval]) -> Iterator[tuple[Any, ...]]:
    for name, over in summaries.items():
        yield name, MEASURES[name].title, over.value, over.low, over.high, over.pictures, over.reason


def _scalar(over: Interval) -> Scalar:
    return Scalar(value=over.value, reason="" if over.value is not None else over.reason)


def _means(rows: Sequence[Row], kind: str) -> Numbers:
    return np.array([column(rows, f"{kind}_{share}").mean() for share in PIXEL_PERCENTS])


def _curve(x: Numbers, y: Numbers, x_label: str, y_label: str) -> Series:
    return Series(x=x.astype(np.float32), y=y.astype(np.float32), x_label=x_label, y_label=y_label)


def _by_picture(rows: Sequence[Row], subjects: Sequence[Subject], card: NetworkCard) -> Table:
    names = [name for name in MEASURES if any(name in row for row in rows)]
    table_rows = [
        (
            subject.number,
            card.class_names[subject.target],
            *(row.get(name) for name in names),
        )
        for subject, row in zip(subjects, rows, strict=True)
    ]
    return Table(columns=("picture", "predicted class", *names), rows=tuple(table_rows))
