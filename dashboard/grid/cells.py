"""The grid as the page shows it: plain data for `components.grid_view`, made of what is stored and what Redis says.

Chosen by an item's kind and a cell's status alone; nothing here knows Streamlit or a method's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal

from core.display.headings import Heading, column_headings, row_name
from core.display.network_view import keeps_seen
from core.display.wording import duration, formatted, numbers, words
from core.errors import BadInput, Damaged
from core.items import Map
from core.jobs.comparison import Cell, Comparison, PictureRef, RowRef
from core.media.colors import MOST, shared_scale, trimmed
from core.method_base.attribution import ORIGINAL
from core.method_base.method import Method, Output, named_videos
from core.queue.grid import CellState, CellStatus, Grid
from core.store.manifest import Manifest, StoredItem
from core.store.store import Store
from dashboard.figures.charts import color_stops
from dashboard.routes.blobs import blob_url
from dashboard.routes.contact_sheets import SQUARE

ScaleChoice = Literal["row", "grid", "cell"]
ReachChoice = Literal["most", "all"]
Scale = tuple[float, float]
NUMBERS_MAX = 4
"""Scalars under a cell; the rest is in its details."""
DIRECT_BYTES = 400_000
"""Pictures up to here are shown in the grid as they are stored; larger ones as a thumbnail of 640 px."""

TRACE = "trace_"
"""What a curve of an optimization is called before its name; all curves are, so a reader need not see it."""
DETAILS = {"name": "details", "label": "Details"}
CANCEL = {"name": "cancel", "label": "Cancel"}
RETRY = {"name": "retry", "label": "Try again"}
RUN = {"name": "run", "label": "Run"}


@dataclass(frozen=True)
class View:
    """What all cells show: an item's name, and for maps what shares one scale."""

    item: str
    scale: ScaleChoice = "row"
    reach: ReachChoice = "most"
    """Whether a scale ends at the highest value of all pixels, or of most."""
    over: bool = False
    """Whether a map lies over the picture as the network saw it, where the result keeps that."""
    active: str | None = None
    """The key of the cell that is marked."""
    compact: bool = False
    """Small pictures and no numbers: a strip to choose from."""


def visual_outputs(comparison: Comparison) -> dict[str, Output]:
    """The items that a cell can show, by name, over all methods of the grid; known before anything is computed."""
    found: dict[str, Output] = {}
    for output in (output for method in comparison.methods for output in method.outputs):
        if output.kind in _ADDRESSES:
            found.setdefault(output.name, output)
    return found


def can_lie_over(comparison: Comparison, item: str) -> bool:
    """Whether some method of the grid draws the item as a map and keeps the picture below it."""
    outputs = [{output.name: output.kind for output in method.outputs} for method in comparison.methods]
    return any(kinds.get(item) == Map.kind and ORIGINAL.name in kinds for kinds in outputs)


def grid_data(grid: Grid, view: View, store: Store, whole: Grid | None = None) -> dict[str, Any]:
    """The grid for the component: `columns`, and `rows` of `cells`. `whole`: what `grid` is a part of."""
    whole = whole or grid
    maps = {
        state.cell.spec.key: ends
        for state in whole.cells
        if (ends := _map_ends(state.manifest, view.item, store, view.reach)) is not None
    }
    comparison = grid.comparison
    headings = column_headings(comparison)
    wide: list[Scale | None] = [None] * comparison.bands
    if view.scale == "grid":
        rows = list(whole.rows())
        wide = [_scale_of(chain(*rows[band :: comparison.bands]), maps) for band in range(comparison.bands)]
    return {
        "compact": view.compact,
        "columns": [
            {"title": heading.title, "subtitle": heading.facts, "note": heading.note or None} for heading in headings
        ],
        "rows": [
            _row(row, wide[comparison.band(row[0].cell.method)], _Shown(view, maps, headings, comparison.bands > 1))
            for row in grid.rows()
        ],
    }


def _scale_of(states: Iterable[CellState], maps: Mapping[str, Map]) -> Scale | None:
    """The one scale of those of the states that show a map."""
    own = [maps[state.cell.spec.key] for state in states if state.cell.spec.key in maps]
    return shared_scale(own) if own else None


def progress_line(grid: Grid) -> str:
    """`5 of 9 done, 1 running, 3 waiting`."""
    counts: dict[str, int] = {}
    for state in grid.cells:
        counts[state.status] = counts.get(state.status, 0) + 1
    total, done = len(grid.cells), counts.pop("done", 0)
    rest = [f"{counts[status]} {word}" for status, word in _STATUS_WORDS.items() if status in counts]
    return ", ".join([f"{done} of {total} done", *rest])


def shared_by(grid: Grid, cell: Cell, choice: ScaleChoice) -> list[Manifest]:
    """The results whose maps share the cell's color scale; those of another row's method never do."""
    band = grid.comparison.band
    sharing: dict[ScaleChoice, Iterable[CellState]] = {
        "cell": (state for state in grid.cells if state.cell.spec.key == cell.spec.key),
        "row": grid.row_of(cell).cells,
        "grid": (state for state in grid.cells if band(state.cell.method) == band(cell.method)),
    }
    return [state.manifest for state in sharing[choice] if state.manifest is not None]


def scale_among(manifests: Iterable[Manifest], name: str, store: Store, reach: ReachChoice = "most") -> Scale | None:
    """The one scale of the maps `name`, as far as their values reach; None where there are none."""
    maps = [item for manifest in manifests if (item := _map_ends(manifest, name, store, reach)) is not None]
    return shared_scale(maps) if maps else None


def gradient(*, signed: bool) -> str:
    """The color scale as a CSS gradient."""
    return f"linear-gradient(to right, {', '.join(color for _, color in color_stops(signed=signed, count=13))})"


def scale_bar(scale: Scale, item: Map, whose: str) -> dict[str, str]:
    """A color bar: its ends, its unit, and whose values it is for."""
    low, high = (f"{end:.3g}" for end in scale)
    return {
        "low": low, "high": high, "unit": item.unit, "gradient": gradient(signed=item.signed),
        "title": f"One color scale for {whose}: {low} to {high} {item.unit}".strip(),
    }  # fmt: skip


def item_url(manifest: Manifest, item: StoredItem, scale: Scale | None = None, *, over: bool = False) -> str | None:
    """Where the item's picture is; None where its kind has none. A map without a scale gets its nominal range.

    `over`: a map over the picture as the network saw it, where the result keeps that.
    """
    address = _ADDRESSES.get(item.kind)
    return address(manifest, item, scale, over) if address else None


def row_url(row: RowRef | None, side_px: int) -> str | None:
    """Where the picture of a row is, or a few of its data set's; None where it is about neither."""
    if isinstance(row, PictureRef):
        return blob_url("picture", row.digest, side=side_px)
    return blob_url("dataset", row.digest, SQUARE) if row else None


def still_urls(methods: Iterable[Method], side_px: int) -> list[str]:
    """Where the first frames of the animations are that these methods name."""
    digests = dict.fromkeys(digest for method in methods for digest in named_videos(method))
    return [blob_url("still", digest, side=side_px) for digest in digests]


@dataclass(frozen=True)
class _Shown:
    """What all rows have in common; `several`: a picture has more rows than one."""

    view: View
    maps: Mapping[str, Map]
    headings: Sequence[Heading]
    several: bool


def _row(states: Sequence[CellState], whole: Scale | None, shown: _Shown) -> dict[str, Any]:
    view, maps = shown.view, shown.maps
    own = [maps[state.cell.spec.key] for state in states if state.cell.spec.key in maps]
    scale = (whole or shared_scale(own)) if own and view.scale != "cell" else None
    cell, method = states[0].cell, states[0].cell.method
    stills = still_urls((state.cell.method for state in states), 320)
    whose = (f"all rows of {method.title}" if shown.several else "the whole grid") if whole else "this row"
    return {
        "title": row_name(cell),
        "subtitle": method.title if shown.several else "",
        "url": row_url(cell.row, 320) or (stills[0] if len(stills) == 1 else None),
        "scale": scale_bar(scale, own[0], whose) if scale else None,
        "cells": [
            _cell(state, heading, view, scale, maps.get(state.cell.spec.key))
            for state, heading in zip(states, shown.headings, strict=True)
        ],
    }


def _cell(state: CellState, heading: Heading, view: View, scale: Scale | None, item: Map | None) -> dict[str, Any]:
    key = state.cell.spec.key
    name = f"{row_name(state.cell)} in {heading.title}"
    data: dict[str, Any] = {
        "key": key, "state": state.status, "alt": f"{words(view.item)}: {name}", "url": None, "headline": "",
        "reason": "", "progress": None, "numbers": [], "actions": [], "scale": None, "opens": False,
        "active": key == view.active, "values": None, "note": heading.note or None,
    }  # fmt: skip
    own = shared_scale([item]) if item is not None and scale is None else None
    if own is not None and item is not None:
        data["scale"] = scale_bar(own, item, "this cell")
    return data | _STATUSES[state.status](_Look(state, view, scale or own))


@dataclass(frozen=True)
class _Look:
    """A cell, what of it is asked for, and the scale of its map."""

    state: CellState
    view: View
    scale: Scale | None


def _done(look: _Look) -> dict[str, Any]:
    manifest = look.state.manifest
    shown = _item_named(manifest, look.view.item)
    if manifest is None or shown is None:
        missing = {"headline": "No such item", "reason": f"This result has no {words(look.view.item).lower()}."}
        return missing | {"actions": [DETAILS]}
    return {
        "url": item_url(manifest, shown, look.scale, over=look.view.over), "opens": True, "actions": [DETAILS],
        "values": _values(manifest, shown),
        "numbers": [*numbers(manifest.items)[:NUMBERS_MAX], *_taken(manifest)],
    }  # fmt: skip


def _values(manifest: Manifest, item: StoredItem) -> dict[str, str] | None:
    """Where a map's raw values are, for the pointer to read, and their unit."""
    if item.kind != Map.kind:
        return None
    file = item.file("safetensors")
    return {"url": blob_url("result", manifest.key, file.name), "unit": item.meta["unit"]}


def _taken(manifest: Manifest) -> list[tuple[str, str, str]]:
    """How long it took, where that is known."""
    seconds = manifest.provenance.get("seconds")
    if not isinstance(seconds, int | float):
        return []
    where = manifest.provenance.get("device", "")
    return [("Took", duration(seconds) if seconds >= 10 else f"{seconds:.2g} s", f"Time of computing, on {where}")]


def _started(look: _Look) -> dict[str, Any]:
    job = look.state.job
    if job is None or not job.total:
        return {"headline": "Starting", "reason": "A worker has it and loads the network.", "actions": [CANCEL]}
    preview = None if job.preview is None else blob_url("preview", job.key, n=job.preview)
    said = {output.name: output.caption for output in look.state.cell.method.outputs}
    scalars = [
        (words(name), formatted(value), said.get(f"{TRACE}{name}", words(name))) for name, value in job.scalars.items()
    ]
    return {
        "headline": f"Step {job.step:,} of {job.total:,}", "progress": job.step / job.total, "url": preview,
        "numbers": scalars[:NUMBERS_MAX], "actions": [CANCEL],
    }  # fmt: skip


def _failed(look: _Look) -> dict[str, Any]:
    job = look.state.job
    reason = (job.error if job else None) or "The reason was not kept."
    return {"headline": "Failed", "reason": reason[:1].upper() + reason[1:], "actions": [RETRY]}


def _undefined(look: _Look) -> dict[str, Any]:
    return {"headline": "Not defined here", "reason": look.state.undefined or ""}


def _said(headline: str, reason: str, *actions: dict[str, str]) -> Callable[[_Look], dict[str, Any]]:
    return lambda _: {"headline": headline, "reason": reason, "actions": list(actions)}


_STATUSES: dict[CellStatus, Callable[[_Look], dict[str, Any]]] = {
    "done": _done,
    "started": _started,
    "failed": _failed,
    "undefined": _undefined,
    "queued": _said("Waiting", "In the queue, no worker has it yet.", CANCEL),
    "canceled": _said("Canceled", "Stopped before it was done; nothing was kept.", RUN),
    "absent": _said("Not computed", "Its result is not in the store.", RUN),
    "unknown": _said("Unknown", "Not in the store, and the queue cannot be asked now."),
}
_STATUS_WORDS: dict[CellStatus, str] = {
    "started": "running",
    "queued": "waiting",
    "failed": "failed",
    "canceled": "canceled",
    "undefined": "not defined",
    "absent": "not computed",
    "unknown": "unknown",
}


def _image_url(manifest: Manifest, item: StoredItem, _: Scale | None, __: bool) -> str:
    file = item.file("png")
    if file.size_bytes <= DIRECT_BYTES:
        return blob_url("result", manifest.key, file.name)
    return blob_url("thumbnail", manifest.key, item.name, side=640)


def _map_url(manifest: Manifest, item: StoredItem, scale: Scale | None, over: bool) -> str:
    low, high = scale or (item.meta["low"], item.meta["high"])
    below = {"over": 1} if over and keeps_seen(manifest) else {}
    return blob_url("map", manifest.key, item.name, low=f"{low:.9g}", high=f"{high:.9g}", **below)


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
    shown = _item_named(manifest, name)
    if manifest is None or shown is None or shown.kind != "map":
        return None
    try:
        return extremes(store, manifest.key, name, reach)
    except (BadInput, Damaged):  # it was set aside meanwhile: the next look says so in the cell
        return None


@lru_cache(maxsize=8192)
def extremes(store: Store, key: str, name: str, reach: ReachChoice) -> Map:
    """A map's ends as a map of two pixels: all that a scale needs. Raises BadInput, Damaged."""
    manifest = store.manifest(key)
    item = store.item(manifest, name) if manifest else None
    if not isinstance(item, Map):
        raise BadInput(f"result {key[:12]} has no map {name!r}")
    return trimmed(item, MOST if reach == "most" else 1.0)
