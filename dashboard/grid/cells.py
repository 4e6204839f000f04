"""The grid as plain data for `components.grid_view`, from stored results and the states of jobs.

An item's kind and the cell's status alone decide what is shown: nothing here knows Streamlit or a method's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal

from core.display.glossary import help_text, terms_in
from core.display.headings import Heading, column_headings, row_name, row_names
from core.display.network_view import has_stored_view
from core.display.wording import duration, formatted, numbers, phrase, words
from core.errors import BadInput, Damaged
from core.items import Map
from core.jobs.comparison import Cell, Comparison, PictureRef, RowRef
from core.media.colors import SCALE_SHARE, scale_to_show, trimmed
from core.method_base.attribution import ORIGINAL
from core.method_base.method import Method, Output
from core.method_base.parameters import named_videos
from core.queue.grid import CellState, CellStatus, Grid
from core.store.manifest import Manifest, StoredItem
from core.store.store import Store
from dashboard.figures.charts import color_stops
from dashboard.routes.blobs import blob_url
from dashboard.routes.contact_sheets import SQUARE
from dashboard.session import sentence

ScaleChoice = Literal["row", "grid", "cell"]
ReachChoice = Literal["most", "all"]
Scale = tuple[float, float]
Number = tuple[str, str, str, bool]
"""Label, value, help, and whether the label has terms of the glossary."""
MAX_NUMBERS = 4
"""Scalars under a cell; its details have the rest."""
MAX_DIRECT_BYTES = 400_000
"""Larger images appear in the grid as a thumbnail of 640 px instead of the stored file."""

TRACE = "trace_"
"""Prefix of the curves of an optimization, which labels leave out."""
DETAILS = {"name": "details", "label": "Details"}
CANCEL = {"name": "cancel", "label": "Cancel"}
RETRY = {"name": "retry", "label": "Retry"}
RUN = {"name": "run", "label": "Run"}


@dataclass(frozen=True)
class View:
    """What all cells show: the name of an item, and how maps are drawn."""

    item: str
    scale: ScaleChoice = "row"
    reach: ReachChoice = "most"
    """Whether a scale ends at the 99th percentile of the pixels (`most`) or at the maximum (`all`)."""
    overlay: bool = False
    """Whether a map is drawn over the network's view of the picture, where the result stores that."""
    active: str | None = None
    """The key of the highlighted cell."""
    compact: bool = False
    """Small pictures without numbers, as a strip to select from."""


def visual_outputs(comparison: Comparison) -> dict[str, Output]:
    """Name -> output of the items that a cell can show, over all methods; known before anything is computed."""
    visual: dict[str, Output] = {}
    for output in (output for method in comparison.methods for output in method.outputs):
        if output.kind in _ADDRESSES:
            visual.setdefault(output.name, output)
    return visual


def can_overlay(comparison: Comparison, item: str) -> bool:
    """Whether some method of the grid gives the item as a map and stores the network's view of the picture."""
    outputs = [{output.name: output.kind for output in method.outputs} for method in comparison.methods]
    return any(kinds.get(item) == Map.kind and ORIGINAL.name in kinds for kinds in outputs)


def grid_data(grid: Grid, view: View, store: Store, whole: Grid | None = None) -> dict[str, Any]:
    """The grid for the component: `columns`, and `rows` of `cells`. `whole`: the grid that `grid` is a part of."""
    whole = whole or grid
    maps = {
        state.cell.spec.key: ends
        for state in whole.cells
        if (ends := _map_ends(state.manifest, view.item, store, view.reach)) is not None
    }
    comparison = grid.comparison
    period, offset_of = comparison.rows_each, comparison.row_offset
    headings = column_headings(comparison)
    grid_scales: list[Scale | None] = [None] * period
    if view.scale == "grid":
        rows = list(whole.rows())
        grid_scales = [_scale_of(chain(*rows[offset::period]), maps) for offset in range(period)]
    context = _Context(view, maps, headings, row_names(comparison), several=period > 1)
    return {
        "compact": view.compact,
        "columns": [
            {
                "title": heading.title,
                "subtitle": heading.facts,
                "note": heading.note or None,
                "help": help_text(f"{heading.title} {heading.facts}"),
            }
            for heading in headings
        ],
        "rows": [_row(row, grid_scales[offset_of(row[0].cell.method)], context) for row in grid.rows()],
    }


def _scale_of(states: Iterable[CellState], maps: Mapping[str, Map]) -> Scale | None:
    """The common scale of the states that show a map; None without any, and where all maps are empty."""
    return scale_to_show([maps[state.cell.spec.key] for state in states if state.cell.spec.key in maps])


def progress_line(grid: Grid) -> str:
    """`5 of 9 done, 1 running, 3 queued`."""
    counts: dict[str, int] = {}
    for state in grid.cells:
        counts[state.status] = counts.get(state.status, 0) + 1
    total, done = len(grid.cells), counts.pop("done", 0)
    rest = [f"{counts[status]} {word}" for status, word in _STATUS_WORDS.items() if status in counts]
    return ", ".join([f"{done} of {total} done", *rest])


def shared_by(grid: Grid, cell: Cell, choice: ScaleChoice) -> list[Manifest]:
    """The results whose maps share the cell's color scale; these are of the same method."""
    offset_of = grid.comparison.row_offset
    sharing: dict[ScaleChoice, Iterable[CellState]] = {
        "cell": (state for state in grid.cells if state.cell.spec.key == cell.spec.key),
        "row": grid.row_of(cell).cells,
        "grid": (state for state in grid.cells if offset_of(state.cell.method) == offset_of(cell.method)),
    }
    return [state.manifest for state in sharing[choice] if state.manifest is not None]


def scale_among(manifests: Iterable[Manifest], name: str, store: Store, reach: ReachChoice = "most") -> Scale | None:
    """The common scale of the maps `name` of the results; None if there are none, and where all are empty."""
    maps = [item for manifest in manifests if (item := _map_ends(manifest, name, store, reach)) is not None]
    return scale_to_show(maps)


def gradient(*, signed: bool) -> str:
    """The color scale as a CSS gradient."""
    return f"linear-gradient(to right, {', '.join(color for _, color in color_stops(signed=signed, count=13))})"


def scale_bar(scale: Scale, item: Map, whose: str) -> dict[str, str]:
    """A color bar with its ends, its unit, and a title that says for `whose` values it is."""
    low, high = (f"{end:.3g}" for end in scale)
    return {
        "low": low, "high": high, "unit": item.unit, "gradient": gradient(signed=item.signed),
        "title": f"One color scale for {whose}: {low} to {high} {item.unit}".strip(),
    }  # fmt: skip


def item_url(manifest: Manifest, item: StoredItem, scale: Scale | None = None, *, overlay: bool = False) -> str | None:
    """Address of the item's image; None for a kind without one. A map without a scale gets its nominal range.

    `overlay`: a map over the network's view of the picture, where the result stores that.
    """
    address = _ADDRESSES.get(item.kind)
    return address(manifest, item, scale, overlay) if address else None


def row_url(row: RowRef | None, side_px: int) -> str | None:
    """Address of the row's picture, or of sample images of its data set; None for a row without either."""
    if isinstance(row, PictureRef):
        return blob_url("picture", row.digest, side=side_px)
    return blob_url("dataset", row.digest, SQUARE) if row else None


def still_urls(methods: Iterable[Method], side_px: int) -> list[str]:
    """Addresses of the first frames of the videos that these methods name."""
    digests = dict.fromkeys(digest for method in methods for digest in named_videos(method))
    return [blob_url("still", digest, side=side_px) for digest in digests]


@dataclass(frozen=True)
class _Context:
    """What all rows have in common. `several`: each picture has several rows, one per method."""

    view: View
    maps: Mapping[str, Map]
    headings: Sequence[Heading]
    names: Mapping[str, str]
    """Digest of a row's picture or data set -> its name."""
    several: bool


def _row(states: Sequence[CellState], grid_scale: Scale | None, context: _Context) -> dict[str, Any]:
    view, maps = context.view, context.maps
    own = [maps[state.cell.spec.key] for state in states if state.cell.spec.key in maps]
    scale = (grid_scale or scale_to_show(own)) if own and view.scale != "cell" else None
    cell, method = states[0].cell, states[0].cell.method
    stills = still_urls((state.cell.method for state in states), 320)
    whose = (f"all rows of {method.title}" if context.several else "the whole grid") if grid_scale else "this row"
    return {
        "title": row_name(cell, context.names),
        "subtitle": method.title if context.several else "",
        "help": help_text(method.title, method.summary) if context.several else "",
        "url": row_url(cell.row, 320) or (stills[0] if len(stills) == 1 else None),
        "scale": scale_bar(scale, own[0], whose) if scale else None,
        "cells": [
            _cell(state, heading, context, scale, maps.get(state.cell.spec.key))
            for state, heading in zip(states, context.headings, strict=True)
        ],
    }


def _cell(
    state: CellState, heading: Heading, context: _Context, scale: Scale | None, item: Map | None
) -> dict[str, Any]:
    key, view = state.cell.spec.key, context.view
    name = f"{row_name(state.cell, context.names)} in {heading.title}"
    data: dict[str, Any] = {
        "key": key, "state": state.status, "alt": f"{words(view.item)}: {name}", "url": None, "headline": "",
        "reason": "", "progress": None, "numbers": [], "actions": [], "scale": None, "opens": False,
        "active": key == view.active, "values": None, "note": heading.note or None,
    }  # fmt: skip
    own = scale_to_show([item]) if item is not None and scale is None else None
    if own is not None and item is not None:
        data["scale"] = scale_bar(own, item, "this cell")
    return data | _STATUSES[state.status](_CellView(state, view, scale or own))


@dataclass(frozen=True)
class _CellView:
    """A cell, what it shows, and the scale of its map."""

    state: CellState
    view: View
    scale: Scale | None


def _done(cell_view: _CellView) -> dict[str, Any]:
    manifest = cell_view.state.manifest
    item = _item_named(manifest, cell_view.view.item)
    if manifest is None or item is None:
        missing = {"headline": "Not available", "reason": f"This result has no {phrase(cell_view.view.item)}."}
        return missing | {"actions": [DETAILS]}
    return {
        "url": item_url(manifest, item, cell_view.scale, overlay=cell_view.view.overlay), "opens": True,
        "actions": [DETAILS], "values": _values(manifest, item), "reason": item.meta.get("remark", ""),
        "numbers": [*_explained(numbers(manifest.items)), *_computing_time(manifest)],
    }  # fmt: skip


def _values(manifest: Manifest, item: StoredItem) -> dict[str, str] | None:
    """Address and unit of a map's raw values, which the page reads at the pointer."""
    if item.kind != Map.kind:
        return None
    file = item.file("safetensors")
    return {"url": blob_url("result", manifest.key, file.name), "unit": item.meta["unit"]}


def _explained(lines: Sequence[tuple[str, str, str]]) -> list[Number]:
    """The first (label, value, caption) with their help."""
    return [
        (label, value, help_text(label, caption), bool(terms_in(label)))
        for label, value, caption in lines[:MAX_NUMBERS]
    ]


def _computing_time(manifest: Manifest) -> list[Number]:
    """The computing time, if it is known."""
    seconds = manifest.provenance.get("seconds")
    if not isinstance(seconds, int | float):
        return []
    device = manifest.provenance.get("device", "")
    text = duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"
    return [("Time", text, f"Computing time on {device}.", False)]


def _started(cell_view: _CellView) -> dict[str, Any]:
    job = cell_view.state.job
    if job is None or not job.total:
        return {"headline": "Starting", "reason": "A worker has the job and loads the network.", "actions": [CANCEL]}
    preview = None if job.preview is None else blob_url("preview", job.key, n=job.preview)
    captions = {output.name: output.caption for output in cell_view.state.cell.method.outputs}
    scalars = [
        (words(name), formatted(value), captions.get(f"{TRACE}{name}", "")) for name, value in job.scalars.items()
    ]
    return {
        "headline": f"Step {job.step:,} of {job.total:,}", "progress": job.step / job.total, "url": preview,
        "numbers": _explained(scalars), "actions": [CANCEL],
    }  # fmt: skip


def _failed(cell_view: _CellView) -> dict[str, Any]:
    job = cell_view.state.job
    reason = (job.error if job else None) or "no reason was recorded."
    return {"headline": "Failed", "reason": sentence(reason), "actions": [RETRY]}


def _undefined(cell_view: _CellView) -> dict[str, Any]:
    return {"headline": "Not defined here", "reason": cell_view.state.undefined or ""}


def _message(headline: str, reason: str, *actions: dict[str, str]) -> Callable[[_CellView], dict[str, Any]]:
    return lambda _: {"headline": headline, "reason": reason, "actions": list(actions)}


_STATUSES: dict[CellStatus, Callable[[_CellView], dict[str, Any]]] = {
    "done": _done,
    "started": _started,
    "failed": _failed,
    "undefined": _undefined,
    "queued": _message("Queued", "Waiting for a worker.", CANCEL),
    "canceled": _message("Canceled", "Stopped before it finished; nothing was stored.", RUN),
    "absent": _message("Not computed", "The result is not in the store.", RUN),
    "unknown": _message("Unknown", "Not in the store, and the queue cannot be reached."),
}
_STATUS_WORDS: dict[CellStatus, str] = {
    "started": "running",
    "queued": "queued",
    "failed": "failed",
    "canceled": "canceled",
    "undefined": "not defined",
    "absent": "not computed",
    "unknown": "unknown",
}


def _image_url(manifest: Manifest, item: StoredItem, _: Scale | None, __: bool) -> str:
    file = item.file("png")
    if file.size_bytes <= MAX_DIRECT_BYTES:
        return blob_url("result", manifest.key, file.name)
    return blob_url("thumbnail", manifest.key, item.name, side=640)


def _map_url(manifest: Manifest, item: StoredItem, scale: Scale | None, overlay: bool) -> str:
    low, high = scale or (item.meta["low"], item.meta["high"])
    background = {"over": 1} if overlay and has_stored_view(manifest) else {}
    return blob_url("map", manifest.key, item.name, low=f"{low:.9g}", high=f"{high:.9g}", **background)


def _points_url(manifest: Manifest, item: StoredItem, _: Scale | None, __: bool) -> str:
    return blob_url("thumbnail", manifest.key, item.name, side=640)


def _animation_url(manifest: Manifest, item: StoredItem, _: Scale | None, __: bool) -> str:
    return blob_url("result", manifest.key, item.file("webp").name)


_ADDRESSES: dict[str, Callable[[Manifest, StoredItem, Scale | None, bool], str]] = {
    "image": _image_url,
    "map": _map_url,
    "points": _points_url,
    "animation": _animation_url,
}


def _item_named(manifest: Manifest | None, name: str) -> StoredItem | None:
    return next((item for item in manifest.items if item.name == name), None) if manifest else None


def _map_ends(manifest: Manifest | None, name: str, store: Store, reach: ReachChoice) -> Map | None:
    item = _item_named(manifest, name)
    if manifest is None or item is None or item.kind != "map":
        return None
    try:
        return extremes(store, manifest.key, name, reach)
    except (BadInput, Damaged):  # it was set aside meanwhile: the next refresh updates the cell
        return None


@lru_cache(maxsize=8192)
def extremes(store: Store, key: str, name: str, reach: ReachChoice) -> Map:
    """The extremes of a map, as a map of two pixels: all that a scale needs. Raises BadInput, Damaged."""
    manifest = store.manifest(key)
    item = store.item(manifest, name) if manifest else None
    if not isinstance(item, Map):
        raise BadInput(f"result {key[:12]} has no map {name!r}")
    return trimmed(item, SCALE_SHARE if reach == "most" else 1.0)
