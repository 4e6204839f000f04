"""The details of one cell: its images, curves and numbers beside those of its row, its provenance and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from core.display.glossary import GLOSSARY, terms_in
from core.display.headings import cell_name, column_heading, column_name
from core.display.wording import file_size, numbers, words
from core.errors import GazegridError
from core.jobs.comparison import Cell, Comparison
from core.method_base.attribution import ORIGINAL
from core.method_base.parameters import named_videos
from core.queue.grid import Grid, read_grid
from core.store.manifest import Manifest, StoredItem
from dashboard.figures.charts import Curve
from dashboard.grid.cells import View, item_url, scale_among, shared_by
from dashboard.grid.items import (
    WIDE_KINDS,
    ResultItem,
    curves_of,
    raw_values,
    show_curves,
    show_item,
    show_pair,
    show_scalars,
)
from dashboard.grid.live import one_of, show_grid, view_controls
from dashboard.grid.places import explains_neurons, show_places
from dashboard.grid.videos import show_video_pair, show_whole, video_pair, whole_file
from dashboard.links import CELL, VIEW, incomplete_link
from dashboard.routes.blobs import blob_url
from dashboard.session import get_queue, get_store, help_bubble, plain, show_error

NEURON, IMAGES, CODES, ANIMATIONS, CURVES = "Explain a neuron", "Images", "Codes", "Animations", "Curves"
NUMBERS, VALUES, ITEMS, ORIGIN = "Numbers", "Raw values", "All items", "Provenance and files"
STILL = ("image", "map", "points")
MIN_CHART_PX = 400
"""Minimum width of an embedding or animation; as many as fit stand side by side."""
LETTER_PX, NUMBER_PX = 7, (120, 260)
"""Width of a letter in a table; minimum and maximum width of a column of numbers."""


@dataclass(frozen=True)
class OpenCell:
    """A cell with its result and its row. `sharing`: the results whose maps share a color scale with its own."""

    row: Grid
    cell: Cell
    manifest: Manifest
    sharing: tuple[Manifest, ...]
    view: View

    def item(self, stored: StoredItem) -> ResultItem:
        """The item with the color scale of the grid. Raises Damaged."""
        return ResultItem(
            get_store(), self.manifest, stored, scale_among(self.sharing, stored.name, get_store(), self.view.reach)
        )


def show_details(comparison: Comparison, key: str) -> None:
    """The cell of this key below its row. Raises BadLink if the comparison has no such cell."""
    cell = next((cell for cell in comparison.cells() if cell.spec.key == key), None)
    if cell is None:
        raise incomplete_link("cell of this comparison")
    _heading(comparison, cell)
    view = view_controls(comparison)
    grid = read_grid(comparison, get_store(), get_queue())
    row = grid.row_of(cell)
    show_grid(comparison, replace(view, active=key, compact=True), live=row.live, part=lambda whole: whole.row_of(cell))
    manifest = next(state.manifest for state in row.cells if state.cell.spec.key == key)
    if manifest is None:
        st.caption("Curves, raw values and files appear when the cell is done.")
        return
    try:
        _parts(OpenCell(row, cell, manifest, tuple(shared_by(grid, cell, view.scale)), view))
    except GazegridError as error:
        show_error(error)


def _heading(comparison: Comparison, cell: Cell) -> None:
    column, name = column_heading(comparison, cell), cell_name(comparison, cell)
    license = f"license {column.license}" if column.license else ""
    note = f":orange-badge[{plain(column.note)}]" if column.note else ""
    texts = [plain(fact) for fact in (cell.method.title, column.facts, license) if fact not in ("", name)]
    facts = " · ".join([*texts, note] if note else texts)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap=None, width="content"):
            st.subheader(plain(name), anchor=False, width="content")
            st.caption(facts, width="content", help=help_bubble(f"{cell.method.title} {column.title} {column.facts}"))
        if st.button("Back to the grid", icon=":material/arrow_back:"):
            del st.query_params[CELL]
            st.rerun()


def _parts(opened: OpenCell) -> None:
    show_scalars(opened.manifest.items)
    parts = _available_parts(opened)
    parts[one_of(VIEW, "Part", {name: name for name in parts}, visible=False)](opened)


def _available_parts(opened: OpenCell) -> dict[str, Callable[[OpenCell], None]]:
    """Label -> function of the parts for which the result has items."""
    kinds = {item.kind for item in opened.manifest.items}
    parts: dict[str, tuple[bool, Callable[[OpenCell], None]]] = {
        NEURON: (explains_neurons(opened.cell.method), _neuron),
        IMAGES: (bool(kinds & {*STILL}) or "animation" not in kinds, _images),
        CODES: ("embedding" in kinds, partial(_side_by_side, kind="embedding")),
        ANIMATIONS: ("animation" in kinds, _animations),
        CURVES: (True, _curves),
        NUMBERS: ("scalar" in kinds, _numbers),
        VALUES: (True, _values),
        ITEMS: (True, _items),
        ORIGIN: (True, _origin),
    }
    return {name: show for name, (available, show) in parts.items() if available}


def _neuron(opened: OpenCell) -> None:
    show_places(opened.row.comparison, opened.cell, opened.manifest)


def _images(opened: OpenCell) -> None:
    """Two of the images with a movable divider; at first the item of the grid and the network's view."""
    addresses = still_addresses(opened)
    if len(addresses) < 2:
        _items(opened)
        return
    names = list(addresses)
    image_names = [name for name in names if opened.manifest.item(name).kind == "image"]
    wanted = dict.fromkeys((opened.view.item, ORIGINAL.name, *image_names, *names))
    first, second = [name for name in wanted if name in addresses][:2]
    settings, slider = st.columns([1, 2.2], gap="large")
    with settings:
        left = st.selectbox("Left", names, index=names.index(second), format_func=words, key="details:left")
        right = st.selectbox("Right", names, index=names.index(first), format_func=words, key="details:right")
        for name in dict.fromkeys((left, right)):
            st.caption(f"**{plain(words(name))}** · {plain(opened.manifest.item(name).meta.get('caption', ''))}")
    with slider, st.container(width=560):
        show_pair((words(left), addresses[left]), (words(right), addresses[right]), key="details:pair")


def still_addresses(opened: OpenCell) -> dict[str, str]:
    """Name -> address of each item that is a still image, in the order of the result."""
    manifest = opened.manifest
    addresses = {
        item.name: item_url(manifest, item, opened.item(item).scale, overlay=opened.view.overlay)
        for item in manifest.items
        if item.kind in STILL
    }
    return {name: url for name, url in addresses.items() if url is not None}


def _curves(opened: OpenCell) -> None:
    others = [state for state in opened.row.cells if state.manifest and state.cell.spec.key != opened.manifest.key]
    labels = {state.cell.spec.key: column_name(opened.row.comparison, state.cell) for state in others}
    selected = st.pills(
        "Compare with", list(labels), selection_mode="multi", format_func=labels.__getitem__,
        default=list(labels), key=f"details:compared:{opened.manifest.key}",
    ) if others else []  # fmt: skip
    curves: list[Curve] = curves_of(opened.manifest, get_store(), column_name(opened.row.comparison, opened.cell))
    for state in others:
        if state.cell.spec.key in selected and state.manifest:
            curves += curves_of(state.manifest, get_store(), labels[state.cell.spec.key])
    if not curves:
        st.caption("This method records no curves.")
        return
    log = st.toggle("Logarithmic y axis", key="details:log", help="Makes small and large values readable in one chart.")
    show_curves(curves, key="details:curves", log=log)


def _side_by_side(opened: OpenCell, *, kind: str) -> None:
    """All items of a kind, side by side."""
    grid = st.grid("auto", min_column_width=MIN_CHART_PX, gap="large")
    for item in opened.manifest.items:
        if item.kind == kind:
            with grid.cell():
                show_item(opened.item(item))


def _animations(opened: OpenCell) -> None:
    """A stylized video over its original and the complete videos, for a result of a video; else all animations."""
    manifest = opened.manifest
    if pair := video_pair(manifest):
        captions, animation = st.columns([1, 2.2], gap="large")
        with captions:
            for item in pair:
                st.caption(f"**{plain(words(item.name))}** · {plain(item.meta.get('caption', ''))}")
        with animation, st.container(width=560):
            show_video_pair(manifest, *pair)
    wholes = [(item, file) for item in manifest.items if (file := whole_file(item))]
    if wholes:
        show_whole(manifest, wholes, named_videos(opened.cell.method))
    else:
        _side_by_side(opened, kind="animation")


def _numbers(opened: OpenCell) -> None:
    """A table of all numbers of the row's cells."""
    cells = [(state.cell, numbers(state.manifest.items)) for state in opened.row.cells if state.manifest]
    captions = {label: caption for _, lines in cells for label, _, caption in lines}
    texts = {cell.spec.key: {label: value for label, value, _ in lines} for cell, lines in cells}
    rows = [
        {
            "number": label,
            **{key: values.get(label, "") for key, values in texts.items()},
            "caption": caption,
        }
        for label, caption in captions.items()
    ]
    columns = {"number": st.column_config.TextColumn("Number"), "caption": st.column_config.TextColumn("Description")}
    min_px, max_px = NUMBER_PX
    for cell, _ in cells:
        name = column_name(opened.row.comparison, cell)
        longest = max(map(len, (name, *texts[cell.spec.key].values())))
        columns[cell.spec.key] = st.column_config.TextColumn(name, width=min(max(LETTER_PX * longest, min_px), max_px))
    st.dataframe(rows, hide_index=True, height="content", column_config=columns)
    for term in terms_in(" · ".join(captions)):
        st.caption(f"**{term}** · {GLOSSARY[term]}")


def _values(opened: OpenCell) -> None:
    """A map or an image with its raw values under the pointer."""
    names = [item.name for item in opened.manifest.items if item.kind in ("map", "image")]
    if not names:
        st.caption("This result has no map and no image.")
        return
    name = st.selectbox("Item", names, format_func=words, key="details:values", width=320)
    st.caption("Point at a pixel to read its value; drag to zoom, double-click to reset.")
    raw_values(opened.item(opened.manifest.item(name)))


def _items(opened: OpenCell) -> None:
    grid = st.grid("auto", min_column_width=320, gap="medium", dense=True)
    for item in opened.manifest.items:
        if item.kind != "scalar":
            with grid.cell(column_span="all" if item.kind in WIDE_KINDS else 1):
                show_item(opened.item(item))


def _origin(opened: OpenCell) -> None:
    """The job specification, the provenance and the files of the result."""
    files, origin = st.columns([1, 2], gap="large")
    with origin:
        st.markdown("**Job specification**")
        st.code(opened.manifest.key, language=None, wrap_lines=True)
        _facts(_specification(opened.manifest))
        st.markdown("**Provenance**")
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
            help="Job specification, provenance and the checksum of every file.",
        )  # fmt: skip


def _specification(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.spec
    facts = {"method": f"{spec['method']['name']}, version {spec['method']['version']}", "network": spec["network"]}
    facts |= {"pictures": ", ".join(spec["pictures"]), "seed": spec["seed"]}
    return facts | {f"parameter {name}": value for name, value in spec["method"]["parameters"].items()}


def _facts(values: dict[str, Any]) -> None:
    """A table of names and values; nested values have a line each."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= {f"{name} {inner}": v for inner, v in value.items()} if isinstance(value, dict) else {name: value}
    rows = [{"Name": name.replace("_", " "), "Value": str(value)} for name, value in flat.items()]
    widths = {"Name": st.column_config.TextColumn(width=170), "Value": st.column_config.TextColumn(width="large")}
    st.dataframe(rows, hide_index=True, height="content", column_config=widths)
