"""A result's items on the page: one function a kind, chosen by the kind and never by a method's name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import streamlit as st
from plotly.offline import get_plotlyjs_version

from core.display.network_view import framed
from core.display.wording import formatted, scalar_label, words
from core.items import Embedding
from core.media.colors import shared_scale
from core.store.manifest import Manifest, StoredItem
from core.store.store import Store
from dashboard.components import animation_view, before_after, codes_view
from dashboard.figures.charts import Curve, curve_figures, embedding_figure, map_figure, picture_figure, points_figure
from dashboard.grid.cells import TRACE, Scale, item_url
from dashboard.routes.blobs import blob_url
from dashboard.session import plain

WIDE_KINDS = ("animation", "table", "embedding")
"""What needs the whole width of a page."""
PLOTLY = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


@dataclass(frozen=True)
class Shown:
    """An item of a stored result, loaded and checked when it is asked for. `scale` is for maps."""

    store: Store
    manifest: Manifest
    stored: StoredItem
    scale: Scale | None = None

    @property
    def key(self) -> str:
        """A name of its own on the page."""
        return f"item:{self.manifest.key}:{self.stored.name}"

    @cached_property
    def item(self) -> Any:
        """The item with its values. Raises Damaged."""
        return self.store.item(self.manifest, self.stored.name)


def show_item(shown: Shown) -> None:
    """The item under its name, with its caption. Raises Damaged."""
    st.markdown(f"**{plain(words(shown.stored.name.removeprefix(TRACE)))}**")
    if shown.stored.meta.get("caption"):
        st.caption(plain(shown.stored.meta["caption"]))
    RENDERERS[shown.stored.kind](shown)


def show_scalars(items: Sequence[StoredItem]) -> None:
    """Numbers side by side; `NAME_before` and `NAME_after` are one, with the change."""
    scalars = {item.name: item for item in items if item.kind == "scalar"}
    with st.container(horizontal=True):
        for name, item in scalars.items():
            stem = name.removesuffix("_after")
            before = scalars.get(f"{stem}_before") if stem != name else None
            if name.endswith("_before") and f"{name.removesuffix('_before')}_after" in scalars:
                continue
            _metric(scalar_label(stem if before else name, item.meta), item, before)


def _metric(label: str, item: StoredItem, before: StoredItem | None) -> None:
    value, unit = item.meta["value"], item.meta["unit"] if item.meta["unit"] != item.name else ""
    change = None if before is None else f"from {formatted(before.meta['value'], unit)}"
    st.metric(
        plain(label), formatted(value, unit), change, delta_color="off", delta_arrow="off",
        help=plain(item.meta["caption"]) or None, width="content", height="stretch", border=True,
    )  # fmt: skip


def show_pair(left: tuple[str, str], right: tuple[str, str], *, key: str) -> None:
    """Two pictures, each (name, address), with a slider between them."""
    before_after(left, right, key=key)


def show_curves(curves: Sequence[Curve], *, key: str, log: bool = False) -> None:
    """All curves, one chart for those of the same axes. `log`: the y axes are logarithmic."""
    for index, figure in enumerate(curve_figures(curves, log=log)):
        st.plotly_chart(figure, key=f"{key}:{index}", config=PLOTLY)


def curves_of(manifest: Manifest, store: Store, source: str) -> list[Curve]:
    """The series of a result. Raises Damaged."""
    names = [item.name for item in manifest.items if item.kind == "series"]
    return [Curve(source, words(name.removeprefix(TRACE)), store.item(manifest, name)) for name in names]  # type: ignore[arg-type]


def raw_values(shown: Shown) -> None:
    """The numbers under the pointer, for an image or a map."""
    item = shown.item
    if shown.stored.kind == "map":
        low, high = shown.scale or shared_scale([item])
        st.plotly_chart(map_figure(item, low, high), key=f"{shown.key}:raw", config=PLOTLY)
    else:
        st.plotly_chart(picture_figure(item.pixels), key=f"{shown.key}:raw", config=PLOTLY)


def _address(shown: Shown) -> None:
    """A picture by its address, as it is stored."""
    url = item_url(shown.manifest, shown.stored, shown.scale or _own_scale(shown))
    if url is not None:
        _picture_tag(url, "width:100%;max-width:28rem")


def _picture_tag(url: str, size: str, alt: str = "") -> None:
    st.html(f'<img src="{escape(url)}" loading="lazy" alt="{escape(alt)}" style="{size};border-radius:0.5rem">')


def _own_scale(shown: Shown) -> Scale | None:
    return shared_scale([shown.item]) if shown.stored.kind == "map" else None


def _map(shown: Shown) -> None:
    raw_values(shown)


def _points(shown: Shown) -> None:
    st.plotly_chart(
        points_figure(shown.item, framed(shown.store, shown.manifest, shown.item)), key=shown.key, config=PLOTLY
    )


def _series(shown: Shown) -> None:
    show_curves([Curve("", words(shown.stored.name), shown.item)], key=shown.key)


def _scalar(shown: Shown) -> None:
    show_scalars([shown.stored])


def _table(shown: Shown) -> None:
    columns = list(shown.item.columns)
    shares = {column for column in columns if "probability" in column.split()}
    rows = [
        {
            name: 100 * value if name in shares and value is not None else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in shown.item.rows
    ]
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.dataframe(rows, key=shown.key, hide_index=True, width="content", column_config=dict.fromkeys(shares, percent))


def _embedding(shown: Shown) -> None:
    item: Embedding = shown.item
    figure = embedding_figure(item)
    if item.thumbnails is None:
        st.plotly_chart(figure, key=shown.key, config=PLOTLY)
        return
    st.caption("Point at a code to see its picture; click it to see those nearest to it in the plane.")
    columns = max(1, math.ceil(math.sqrt(len(item.points))))
    codes_view(
        {
            "figure": json.loads(figure.to_json()), "plotly": blob_url("plotly.js", version=get_plotlyjs_version()),
            "places": item.points[:, :2].round(4).tolist(), "labels": list(item.labels),
            "sprite": blob_url("result", shown.manifest.key, shown.stored.file("png").name),
            "tile_px": list(item.thumbnails.shape[1:3]), "columns": columns,
            "rows": max(1, math.ceil(len(item.points) / columns)),
        },
        key=shown.key,
    )  # fmt: skip


def _animation(shown: Shown) -> None:
    """The animation under a slider, and under it as a strip of stills."""
    meta = shown.stored.meta
    if meta.get("count"):
        url, name = blob_url("animation", shown.manifest.key, shown.stored.name), words(shown.stored.name)
        labels = meta.get("labels", [])
        animation = {"url": url, "count": meta["count"], "frame_ms": meta["frame_ms"], "name": name, "labels": labels}
        animation_view(animation, key=shown.key)
    else:  # kept before animations told how many frames they have
        _address(shown)
    place = ("strip", shown.manifest.key, shown.stored.name)
    _picture_tag(blob_url(*place, side=160), "max-width:100%", "Stills from the animation's start to its end")
    st.link_button(
        "Download the strip", blob_url(*place, side=640, download=1), icon=":material/download:", type="tertiary",
        help="The first and the last picture, and up to six between them, side by side in one PNG.",
    )  # fmt: skip


def _weights(shown: Shown) -> None:
    tensors = shown.item.tensors
    count = sum(array.size for array in tensors.values())
    st.caption(f"{len(tensors)} arrays, {count:,} numbers")
    st.code(json.dumps(shown.item.config, indent=2, ensure_ascii=False), language="json")
    file = shown.stored.file("safetensors")
    st.link_button(
        "Download the weights", blob_url("result", shown.manifest.key, file.name, download=1),
        icon=":material/download:",
    )  # fmt: skip


RENDERERS: dict[str, Callable[[Shown], None]] = {
    "map": _map,
    "image": _address,
    "points": _points,
    "series": _series,
    "scalar": _scalar,
    "table": _table,
    "embedding": _embedding,
    "animation": _animation,
    "weights": _weights,
}
