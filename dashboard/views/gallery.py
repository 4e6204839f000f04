"""Thumbnails of grids as safe HTML, and names of exported files."""

from __future__ import annotations

import re
from html import escape

from core.display.headings import column_headings, grid_size, method_titles, row_name, row_names
from core.export.archive import export_zip
from core.jobs.comparison import Cell, Comparison
from core.store.gallery import Gallery
from core.store.manifest import Manifest
from core.store.store import Store
from dashboard.grid.cells import item_url, row_url, scale_among, still_urls
from dashboard.links import GRID
from dashboard.routes.blobs import blob_url

MAX_ROWS, MAX_COLUMNS = 4, 8
"""Rows and columns of a grid's thumbnail; its link opens the rest."""
SIDE_PX = 160
ARCHIVE_MB = 500
"""The server's limit in .streamlit/config.toml; `gazegrid gallery import` takes larger archives."""


def file_name(gallery: Gallery, ending: str) -> str:
    """A portable name for the exported file."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", gallery.name).strip("-").lower()[:40]
    return f"gazegrid-{plain or gallery.id}.{ending}"


def title(comparison: Comparison) -> str:
    """`Detail search · 3 pictures · 2 networks`."""
    return " · ".join(filter(None, [", ".join(method_titles(comparison)), grid_size(comparison)]))


def zip_bytes(store: Store, gallery: Gallery) -> bytes:
    """The gallery's zip in memory, where Streamlit holds every download. Raises as `export_zip` does."""
    with export_zip(store, gallery) as archive:
        return archive.read()


def thumbnail_grid(comparison: Comparison, store: Store, absent: str = "not computed") -> str:
    """HTML of a small grid that links to the whole one: the first picture of each cell, or `absent`."""
    cells = list(comparison.cells())
    width, names = comparison.width, row_names(comparison)
    rows = [cells[start : start + width] for start in range(0, len(cells), width)][:MAX_ROWS]
    head = "".join(f"<th>{escape(heading.title)}</th>" for heading in column_headings(comparison)[:MAX_COLUMNS])
    body = "".join(
        f"<tr>{_row_head(row[0], row_name(row[0], names))}"
        + "".join(_cell(cell.undefined, cell.spec.key, store, absent) for cell in row[:MAX_COLUMNS])
        + "</tr>"
        for row in rows
    )
    return (
        f"<style>{_STYLE}</style><a class='small-grid' href='./?{GRID}={comparison.key}' target='_self'>"
        f"<table><tr><th></th>{head}</tr>{body}</table></a>"
    )


def _row_head(cell: Cell, name: str) -> str:
    url = row_url(cell.row, SIDE_PX) or next(iter(still_urls([cell.method], SIDE_PX)), None)
    return f"<td>{_img(url, name) if url else escape(name)}</td>"


def _cell(undefined: str | None, key: str, store: Store, absent: str) -> str:
    if undefined:
        return f"<td title='{escape(undefined)}'><span>not defined</span></td>"
    manifest = store.manifest(key)
    if manifest is None:
        return f"<td><span>{escape(absent)}</span></td>"
    return f"<td>{_first_picture(manifest, store)}</td>"


def _first_picture(manifest: Manifest, store: Store) -> str:
    for item in manifest.items:
        if item.kind in ("image", "points"):
            return _img(blob_url("thumbnail", manifest.key, item.name, side=SIDE_PX), item.name)
        if url := item_url(manifest, item, scale_among([manifest], item.name, store)):
            return _img(url, item.name)
    return "<span>no picture</span>"


def _img(url: str, name: str) -> str:
    return f"<img loading='lazy' src='{escape(url)}' alt='{escape(name)}' title='{escape(name)}'>"


_STYLE = """
.small-grid { display: block; overflow-x: auto; color: inherit; text-decoration: none; }
.small-grid table { border-collapse: collapse; border: none; }
.small-grid tr, .small-grid th, .small-grid td { border: none; background: none; }
.small-grid th {
  font-size: 0.72rem; font-weight: 400; opacity: 0.75; text-align: left; padding: 0 0.4rem 0.15rem 0;
  max-width: 6.5rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.small-grid td { padding: 0 0.4rem 0.4rem 0; vertical-align: top; }
.small-grid img { width: 6.5rem; height: 6.5rem; object-fit: cover; border-radius: 0.35rem; display: block; }
.small-grid span {
  display: flex; width: 6.5rem; height: 6.5rem; align-items: center; justify-content: center; text-align: center;
  font-size: 0.72rem; opacity: 0.65; border: 1px dashed rgb(128 128 128 / 50%); border-radius: 0.35rem;
}
"""
