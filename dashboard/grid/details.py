"""One cell, whole: what it shows side by side, its curves and numbers, where it comes from, its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from core.display.headings import cell_name, column_heading, column_name
from core.display.wording import file_size, numbers, words
from core.errors import BadLink, GazegridError
from core.jobs.comparison import Cell, Comparison
from core.method_base.attribution import ORIGINAL
from core.method_base.method import named_videos
from core.queue.grid import Grid, look
from core.store.manifest import Manifest, StoredItem
from dashboard.figures.charts import Curve
from dashboard.grid.cells import View, item_url, scale_among, shared_by
from dashboard.grid.items import (
    WIDE_KINDS,
    Shown,
    curves_of,
    raw_values,
    show_curves,
    show_item,
    show_pair,
    show_scalars,
)
from dashboard.grid.live import one_of, show_grid, view_controls
from dashboard.grid.places import show_places, takes_places
from dashboard.grid.videos import compared, show_compared, show_whole, whole_file
from dashboard.links import CELL, VIEW
from dashboard.routes.blobs import blob_url
from dashboard.session import get_queue, get_store, plain, show_error

PLACES, PICTURES, CODES, ANIMATIONS, CURVES = "Click into it", "Pictures", "Codes", "Animations", "Curves"
NUMBERS, VALUES, ITEMS, ORIGIN = "Numbers", "Raw values", "All items", "Origin and files"
STILL = ("image", "map", "points")
CHART_PX = 400
"""Least width of a chart of codes or an animation, of which as many stand side by side as there is room for."""
LETTER_PX, NUMBER_PX = 7, (120, 260)
"""Width of a letter in a table; least and greatest width of a column of numbers with their units."""


@dataclass(frozen=True)
class Opened:
    """A cell whose result is there, in its row; `sharing`: the results whose maps share one color scale with its."""

    row: Grid
    cell: Cell
    manifest: Manifest
    sharing: tuple[Manifest, ...]
    view: View

    def shown(self, item: StoredItem) -> Shown:
        """The item on the scale that the grid shows it on. Raises Damaged."""
        return Shown(
            get_store(), self.manifest, item, scale_among(self.sharing, item.name, get_store(), self.view.reach)
        )


def show_details(comparison: Comparison, key: str) -> None:
    """The cell of this key among its row. Raises BadLink where the grid has no such cell."""
    cell = next((cell for cell in comparison.cells() if cell.spec.key == key), None)
    if cell is None:
        raise BadLink(f"this comparison has no cell {key[:80]!r}")
    _heading(comparison, cell)
    view = view_controls(comparison)
    grid = look(comparison, get_store(), get_queue())
    row = grid.row_of(cell)
    show_grid(comparison, replace(view, active=key, compact=True), live=row.live, part=lambda whole: whole.row_of(cell))
    manifest = next(state.manifest for state in row.cells if state.cell.spec.key == key)
    if manifest is None:
        st.caption("Curves, raw values and files are here as soon as the cell is done.")
        return
    try:
        _parts(Opened(row, cell, manifest, tuple(shared_by(grid, cell, view.scale)), view))
    except GazegridError as error:
        show_error(error)


def _heading(comparison: Comparison, cell: Cell) -> None:
    column, name = column_heading(comparison, cell), cell_name(comparison, cell)
    license = f"license {column.license}" if column.license else ""
    note = f":orange-badge[{plain(column.note)}]" if column.note else ""
    told = [plain(fact) for fact in (cell.method.title, column.facts, license) if fact not in ("", name)]
    facts = " · ".join([*told, note] if note else told)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap=None, width="content"):
            st.subheader(plain(name), anchor=False, width="content")
            st.caption(facts, width="content")
        if st.button("Back to the grid", icon=":material/arrow_back:"):
            del st.query_params[CELL]
            st.rerun()


def _parts(opened: Opened) -> None:
    show_scalars(opened.manifest.items)
    parts = _offered(opened)
    parts[one_of(VIEW, "Part", {name: name for name in parts}, visible=False)](opened)


def _offered(opened: Opened) -> dict[str, Callable[[Opened], None]]:
    """The parts; those of codes, animations and numbers where there are some."""
    kinds = {item.kind for item in opened.manifest.items}
    offered: dict[str, tuple[bool, Callable[[Opened], None]]] = {
        PLACES: (takes_places(opened.cell.method), _places),
        PICTURES: (bool(kinds & {*STILL}) or "animation" not in kinds, _pictures),
        CODES: ("embedding" in kinds, partial(_side_by_side, kind="embedding")),
        ANIMATIONS: ("animation" in kinds, _animations),
        CURVES: (True, _curves),
        NUMBERS: ("scalar" in kinds, _numbers),
        VALUES: (True, _values),
        ITEMS: (True, _items),
        ORIGIN: (True, _origin),
    }
    return {name: show for name, (there, show) in offered.items() if there}


def _places(opened: Opened) -> None:
    show_places(opened.row.comparison, opened.cell, opened.manifest)


def _pictures(opened: Opened) -> None:
    """Any two of the still pictures under one slider; at first what the grid shows, beside what the network saw."""
    addresses = still_addresses(opened)
    if len(addresses) < 2:
        _items(opened)
        return
    names = list(addresses)
    images = [name for name in names if opened.manifest.item(name).kind == "image"]
    wanted = dict.fromkeys((opened.view.item, ORIGINAL.name, *images, *names))
    first, second = [name for name in wanted if name in addresses][:2]
    settings, slider = st.columns([1, 2.2], gap="large")
    with settings:
        left = st.selectbox("On the left", names, index=names.index(second), format_func=words, key="details:left")
        right = st.selectbox("On the right", names, index=names.index(first), format_func=words, key="details:right")
        for name in dict.fromkeys((left, right)):
            st.caption(f"**{plain(words(name))}** · {plain(opened.manifest.item(name).meta.get('caption', ''))}")
    with slider, st.container(width=560):
        show_pair((words(left), addresses[left]), (words(right), addresses[right]), key="details:pair")


def still_addresses(opened: Opened) -> dict[str, str]:
    """Name -> address of every item that is one picture, in the result's order."""
    manifest = opened.manifest
    found = {
        item.name: item_url(manifest, item, opened.shown(item).scale, over=opened.view.over)
        for item in manifest.items
        if item.kind in STILL
    }
    return {name: url for name, url in found.items() if url is not None}


def _curves(opened: Opened) -> None:
    others = [state for state in opened.row.cells if state.manifest and state.cell.spec.key != opened.manifest.key]
    labels = {state.cell.spec.key: column_name(opened.row.comparison, state.cell) for state in others}
    compared = st.pills(
        "Compare with", list(labels), selection_mode="multi", format_func=labels.__getitem__,
        default=list(labels), key=f"details:compared:{opened.manifest.key}",
    ) if others else []  # fmt: skip
    curves: list[Curve] = curves_of(opened.manifest, get_store(), column_name(opened.row.comparison, opened.cell))
    for state in others:
        if state.cell.spec.key in compared and state.manifest:
            curves += curves_of(state.manifest, get_store(), labels[state.cell.spec.key])
    if not curves:
        st.caption("This method keeps no curves.")
        return
    log = st.toggle("Logarithmic y axis", key="details:log", help="Shows what is small beside what is large.")
    show_curves(curves, key="details:curves", log=log)


def _side_by_side(opened: Opened, *, kind: str) -> None:
    """All items of a kind."""
    grid = st.grid("auto", min_column_width=CHART_PX, gap="large")
    for item in opened.manifest.items:
        if item.kind == kind:
            with grid.cell():
                show_item(opened.shown(item))


def _animations(opened: Opened) -> None:
    """An animation under one slider with what it was, and whole animations as they are saved; else all animations."""
    manifest = opened.manifest
    if pair := compared(manifest):
        told, animation = st.columns([1, 2.2], gap="large")
        with told:
            for item in pair:
                st.caption(f"**{plain(words(item.name))}** · {plain(item.meta.get('caption', ''))}")
        with animation, st.container(width=560):
            show_compared(manifest, *pair)
    wholes = [(item, file) for item in manifest.items if (file := whole_file(item))]
    if wholes:
        show_whole(manifest, wholes, named_videos(opened.cell.method))
    else:
        _side_by_side(opened, kind="animation")


def _numbers(opened: Opened) -> None:
    """Every number of the row's cells, side by side."""
    cells = [(state.cell, numbers(state.manifest.items)) for state in opened.row.cells if state.manifest]
    captions = {label: caption for _, lines in cells for label, _, caption in lines}
    told = {cell.spec.key: {label: value for label, value, _ in lines} for cell, lines in cells}
    rows = [
        {"number": label, **{key: values.get(label, "") for key, values in told.items()}, "caption": caption}
        for label, caption in captions.items()
    ]
    columns = {"number": st.column_config.TextColumn("Number"), "caption": st.column_config.TextColumn("What it is")}
    least, greatest = NUMBER_PX
    for cell, _ in cells:
        name = column_name(opened.row.comparison, cell)
        longest = max(map(len, (name, *told[cell.spec.key].values())))
        columns[cell.spec.key] = st.column_config.TextColumn(name, width=min(max(LETTER_PX * longest, least), greatest))
    st.dataframe(rows, hide_index=True, height="content", column_config=columns)


def _values(opened: Opened) -> None:
    """The numbers behind a map or an image, under the pointer."""
    names = [item.name for item in opened.manifest.items if item.kind in ("map", "image")]
    if not names:
        st.caption("This result has no map and no image.")
        return
    name = st.selectbox("Item", names, format_func=words, key="details:values", width=320)
    st.caption("Point at a pixel to read its value; drag to zoom, double-click to zoom out.")
    raw_values(opened.shown(opened.manifest.item(name)))


def _items(opened: Opened) -> None:
    grid = st.grid("auto", min_column_width=320, gap="medium", dense=True)
    for item in opened.manifest.items:
        if item.kind != "scalar":
            with grid.cell(column_span="all" if item.kind in WIDE_KINDS else 1):
                show_item(opened.shown(item))


def _origin(opened: Opened) -> None:
    """Everything that decided the result, what else was noted, and the files."""
    files, origin = st.columns([1, 2], gap="large")
    with origin:
        st.markdown("**What decided it**")
        st.code(opened.manifest.key, language=None, wrap_lines=True)
        _facts(_decided(opened.manifest))
        st.markdown("**What else was noted**")
        _facts(opened.manifest.provenance)
    with files, st.container(gap=None):
        st.markdown("**Files**")
        for file in opened.manifest.files:
            st.link_button(
                f"{plain(file.name)} · {file_size(file.size_bytes)}",
                blob_url("result", opened.manifest.key, file.name, download=1),
                icon=":material/download:", type="tertiary", help=f"SHA-256 {file.sha256}",
            )  # fmt: skip
        st.link_button(
            "manifest.json", blob_url("manifest", opened.manifest.key), icon=":material/download:", type="tertiary",
            help="What was computed, by what, and the checksum of every file.",
        )  # fmt: skip


def _decided(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.spec
    decided = {"method": f"{spec['method']['name']}, version {spec['method']['version']}", "network": spec["network"]}
    decided |= {"pictures": ", ".join(spec["pictures"]), "seed": spec["seed"]}
    return decided | {f"parameter {name}": value for name, value in spec["method"]["parameters"].items()}


def _facts(values: dict[str, Any]) -> None:
    """Names and values in two columns; what is nested, in a line each."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= {f"{name} {inner}": v for inner, v in value.items()} if isinstance(value, dict) else {name: value}
    rows = [{"Name": name.replace("_", " "), "Value": str(value)} for name, value in flat.items()]
    widths = {"Name": st.column_config.TextColumn(width=170), "Value": st.column_config.TextColumn(width="large")}
    st.dataframe(rows, hide_index=True, height="content", column_config=widths)
