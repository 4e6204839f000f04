"""Text and safe HTML of a data set for the page Data: its facts, and a contact sheet of sample images."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.datasets.record import ClassCount, DatasetRecord
from core.display.wording import quantity
from dashboard.routes.blobs import blob_url
from dashboard.routes.contact_sheets import IMAGES_PER_ROW, MIXED, rows_per_class

CLASSES_A_PAGE = 25
ROW_REM = 3.5
"""Height of a row of images on the page."""


def facts(record: DatasetRecord) -> str:
    """`1,797 images · 10 classes · 8 x 8 px · 185 for validation`."""
    classes = quantity(len(record.classes), "class")
    return f"{record.pictures:,} images · {classes} · {record.size} · {record.held_out:,} for validation"


def origin(record: DatasetRecord) -> str:
    """Source and date, `read from squares.zip · added 2026-11-21`."""
    added = f"added {record.added[:10]}" if record.added else "date unknown"
    return " · ".join(part for part in (record.source, added) if part)


def balance(classes: Sequence[ClassCount]) -> str:
    """How evenly the images are spread over the classes, in a sentence."""
    counts = [entry.training + entry.held_out for entry in classes]
    if len(counts) == 1:
        return "All images are of one class: they can train an autoencoder, GAN or style model, but no classifier."
    if min(counts) == max(counts):
        return f"Each class has {counts[0]:,} images."
    return f"The classes have {min(counts):,} to {max(counts):,} images each."


def mixed_strip(digest: str, name: str) -> str:
    """HTML of one row of images of several classes."""
    return f"<style>{_STYLE}</style><div class='sheet mixed'>{_strip(digest, MIXED, f'Images of {name}')}</div>"


def contact_sheet(record: DatasetRecord, page: int) -> str:
    """HTML of the classes on this page (from 1 on): name, number of images and a few of them."""
    first = (page - 1) * CLASSES_A_PAGE
    rows = "".join(
        f"<div class='name' title='{escape(entry.name, quote=True)}'>{escape(entry.name)}"
        f"<small>{entry.training + entry.held_out:,}</small></div>"
        + _strip(
            record.digest, str(number), f"Images of the class {entry.name}", sheet_rows(entry, len(record.classes))
        )
        for number, entry in enumerate(record.classes[first : first + CLASSES_A_PAGE], first)
    )
    return f"<style>{_STYLE}</style><div class='sheet classes'>{rows}</div>"


def sheet_rows(entry: ClassCount, classes: int) -> int:
    """Rows of images on the contact sheet for this class, where there are `classes` of them."""
    return max(1, min(rows_per_class(classes), -(-(entry.training + entry.held_out) // IMAGES_PER_ROW)))


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
