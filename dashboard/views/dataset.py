"""A data set as the page Data shows it: its facts in words, and safe HTML of its contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.datasets.record import ClassCount, DatasetRecord
from dashboard.routes.blobs import blob_url
from dashboard.routes.contact_sheets import MIXED, PICTURES_A_ROW, rows_of_each

CLASSES_A_PAGE = 25
ROW_REM = 3.5
"""Height of a row of pictures on the page."""


def facts(record: DatasetRecord) -> str:
    """`1,797 pictures · 10 classes · 8 x 8 px · 185 held out`."""
    classes = "one class" if len(record.classes) == 1 else f"{len(record.classes):,} classes"
    return f"{record.pictures:,} pictures · {classes} · {record.size} · {record.held_out:,} held out"


def origin(record: DatasetRecord) -> str:
    """When it was added, and from what."""
    added = f"added {record.added[:10]}" if record.added else "added before there were records"
    return " · ".join(part for part in (record.source, added) if part)


def spread(classes: Sequence[ClassCount]) -> str:
    """How evenly the pictures are spread over the classes, in a sentence."""
    counts = [one.training + one.held_out for one in classes]
    if len(counts) == 1:
        return "All pictures are of one class: a network can learn to code or to make them, not to name them."
    if min(counts) == max(counts):
        return f"Each class has {counts[0]:,} pictures."
    return f"The classes have {min(counts):,} to {max(counts):,} pictures."


def mixed_strip(digest: str, name: str) -> str:
    """Pictures of several classes in a row."""
    return f"<style>{_STYLE}</style><div class='sheet mixed'>{_strip(digest, MIXED, f'Pictures of {name}')}</div>"


def contact_sheet(record: DatasetRecord, page: int) -> str:
    """A row for each class of this page, from 1 on: its name, how many pictures it has, and a few of them."""
    first = (page - 1) * CLASSES_A_PAGE
    rows = "".join(
        f"<div class='name' title='{escape(one.name, quote=True)}'>{escape(one.name)}"
        f"<small>{one.training + one.held_out:,}</small></div>"
        + _strip(record.digest, str(number), f"Pictures of the class {one.name}", rows_shown(one, len(record.classes)))
        for number, one in enumerate(record.classes[first : first + CLASSES_A_PAGE], first)
    )
    return f"<style>{_STYLE}</style><div class='sheet classes'>{rows}</div>"


def rows_shown(one: ClassCount, classes: int) -> int:
    """How many rows of pictures the sheet has of this class, one of so many."""
    return max(1, min(rows_of_each(classes), -(-(one.training + one.held_out) // PICTURES_A_ROW)))


def _strip(digest: str, part: str, alt: str, rows: int = 1) -> str:
    address, height_rem = escape(blob_url("dataset", digest, part), quote=True), ROW_REM * rows
    return (
        f"<div class='strip' style='height: {height_rem:g}rem'>"
        f"<img loading='lazy' src='{address}' alt='{escape(alt, quote=True)}'></div>"
    )


_STYLE = """
.sheet.classes { display: grid; grid-template-columns: minmax(3rem, max-content) minmax(0, 1fr); gap: 0.4rem 0.9rem; }
.sheet .name { max-width: 11rem; align-self: center; overflow: hidden; text-overflow: ellipsis; line-height: 1.25; }
.sheet .name small { display: block; opacity: 0.65; font-variant-numeric: tabular-nums; }
.sheet .strip { overflow-x: auto; overflow-y: hidden; scrollbar-width: none; }
.sheet .strip img { height: 100%; width: auto; max-width: none; display: block; }
.sheet.mixed .strip { overflow: hidden; }
@media (max-width: 640px) { .sheet .name { max-width: 5.5rem; font-size: 0.85rem; } }
"""
