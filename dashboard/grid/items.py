"""The items of a result on the page: one function per kind, selected by the kind and never by a method's name."""

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

from core.display.network_view import points_background
from core.display.wording import NO_NUMBER, formatted, quantity, scalar_label, words
from core.items import Embedding
from core.media.colors import scale_to_show
from core.store.manifest import Manifest, StoredItem
from core.store.store import Store
from dashboard.components import animation_view, before_after, codes_view
from dashboard.figures.charts import (
    Curve,
    curve_figures,
    curve_groups,
    embedding_figure,
    map_figure,
    picture_figure,
    points_figure,
)
from dashboard.grid.cells import TRACE, Scale, item_url
from dashboard.grid.videos import pace_of
from dashboard.routes.blobs import blob_url
from dashboard.session import help_bubble, plain

WIDE_KINDS = ("animation", "table", "embedding")
"""Kinds that take the whole width of a page."""
PLOTLY = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


@dataclass(frozen=True)
class ResultItem:
    """An item of a stored result, loaded and verified at first use. `scale` is for maps."""

    store: Store
    manifest: Manifest
    stored: StoredItem
    scale: Scale | None = None

    @property
    def key(self) -> str:
        """A unique key for widgets."""
        return f"item:{self.manifest.key}:{self.stored.name}"

    @cached_property
    def content(self) -> Any:
        """The item with its values. Raises Damaged."""
        return self.store.item(self.manifest, self.stored.name)


def show_item(item: ResultItem) -> None:
    """The item with its name and caption. Raises Damaged."""
    label = words(item.stored.name.removeprefix(TRACE))
    st.markdown(f"**{plain(label)}**", help=help_bubble(label))
    if item.stored.meta.get("caption"):
        st.caption(plain(item.stored.meta["caption"]))
    RENDERERS[item.stored.kind](item)


def show_scalars(items: Sequence[StoredItem]) -> None:
    """The scalars side by side; `NAME_before` and `NAME_after` are one metric with its change."""
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
    change = item.meta.get("reason") or (f"from {formatted(before.meta['value'], unit)}" if before else None)
    st.metric(
        plain(label), formatted(value, unit), change and plain(change), delta_color="off", delta_arrow="off",
        help=help_bubble(label, item.meta["caption"]), width="content", height="stretch", border=True,
    )  # fmt: skip


def show_pair(left: tuple[str, str], right: tuple[str, str], *, key: str) -> None:
    """Two pictures, each (name, address), with a movable divider."""
    before_after(left, right, key=key)


def show_curves(curves: Sequence[Curve], *, key: str, log: bool = False, titled: bool = True) -> None:
    """A chart for each pair of axes. `log`: with a logarithmic y axis; `titled`: with the y label as its title."""
    for index, (group, figure) in enumerate(zip(curve_groups(curves), curve_figures(curves, log=log), strict=True)):
        if titled:
            label = group[0].series.y_label
            st.markdown(f"**{plain(label[:1].upper() + label[1:])}**", help=_curves_help(group))
            figure.update_layout(yaxis_title=None)
        st.plotly_chart(figure, key=f"{key}:{index}", config=PLOTLY)


def _curves_help(curves: Sequence[Curve]) -> str | None:
    """The captions of the curves of a chart, and the terms in their names."""
    captions = dict.fromkeys(f"{curve.name}: {curve.series.caption}" for curve in curves if curve.series.caption)
    names = dict.fromkeys((curves[0].series.y_label, *(curve.name for curve in curves)))
    return help_bubble(" · ".join(names), " · ".join(captions))


def curves_of(manifest: Manifest, store: Store, source: str) -> list[Curve]:
    """The curves of a result, of the network or variant `source`. Raises Damaged."""
    names = [item.name for item in manifest.items if item.kind == "series"]
    return [Curve(source, words(name.removeprefix(TRACE)), store.item(manifest, name)) for name in names]  # type: ignore[arg-type]


def raw_values(item: ResultItem) -> None:
    """An image or a map with its raw values under the pointer."""
    if item.stored.kind == "map":
        scale = item.scale or scale_to_show([item.content])
        st.plotly_chart(map_figure(item.content, scale), key=f"{item.key}:raw", config=PLOTLY)
    else:
        st.plotly_chart(picture_figure(item.content.pixels), key=f"{item.key}:raw", config=PLOTLY)


def _address(item: ResultItem) -> None:
    """The item's image by its address."""
    url = item_url(item.manifest, item.stored, item.scale or _own_scale(item))
    if url is not None:
        _picture_tag(url, "width:100%;max-width:28rem")


def _picture_tag(url: str, size: str, alt: str = "") -> None:
    st.html(f'<img src="{escape(url)}" loading="lazy" alt="{escape(alt)}" style="{size};border-radius:0.5rem">')


def _own_scale(item: ResultItem) -> Scale | None:
    return scale_to_show([item.content]) if item.stored.kind == "map" else None


def _map(item: ResultItem) -> None:
    raw_values(item)


def _points(item: ResultItem) -> None:
    st.plotly_chart(
        points_figure(item.content, points_background(item.store, item.manifest, item.content)),
        key=item.key,
        config=PLOTLY,
    )


def _series(item: ResultItem) -> None:
    show_curves([Curve("", words(item.stored.name), item.content)], key=item.key, titled=False)


def _scalar(item: ResultItem) -> None:
    show_scalars([item.stored])


def _table(item: ResultItem) -> None:
    columns = list(item.content.columns)
    shares = {column for column in columns if "probability" in column.split()}
    rows = [
        {
            name: 100 * value if name in shares and value is not None else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in item.content.rows
    ]
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.dataframe(
        rows, key=item.key, hide_index=True, width="content", column_config=dict.fromkeys(shares, percent),
        placeholder=NO_NUMBER,
    )  # fmt: skip


def _embedding(item: ResultItem) -> None:
    embedding: Embedding = item.content
    figure = embedding_figure(embedding)
    if embedding.thumbnails is None:
        st.plotly_chart(figure, key=item.key, config=PLOTLY)
        return
    st.caption("Point at a code to see its picture; click it to see its nearest neighbors in the plane.")
    columns = max(1, math.ceil(math.sqrt(len(embedding.points))))
    codes_view(
        {
            "figure": json.loads(figure.to_json()), "plotly": blob_url("plotly.js", version=get_plotlyjs_version()),
            "places": embedding.points[:, :2].round(4).tolist(), "labels": list(embedding.labels),
            "sprite": blob_url("result", item.manifest.key, item.stored.file("png").name),
            "tile_px": list(embedding.thumbnails.shape[1:3]), "columns": columns,
            "rows": max(1, math.ceil(len(embedding.points) / columns)),
        },
        key=item.key,
    )  # fmt: skip


def _animation(item: ResultItem) -> None:
    """The animation with a slider, and a strip of stills below it."""
    meta = item.stored.meta
    if meta.get("count"):
        url, name = blob_url("animation", item.manifest.key, item.stored.name), words(item.stored.name)
        labels = meta.get("labels", [])
        animation_view({"url": url, "name": name, "labels": labels, **pace_of(item.stored)}, key=item.key)
    else:  # stored by a version that did not count frames
        _address(item)
    route = ("strip", item.manifest.key, item.stored.name)
    _picture_tag(blob_url(*route, side=160), "max-width:100%", "Stills from the animation's start to its end")
    st.link_button(
        "Download strip", blob_url(*route, side=640, download=1), icon=":material/download:", type="tertiary",
        help="The first and last frame and up to six in between, side by side in one PNG.",
    )  # fmt: skip


def _weights(item: ResultItem) -> None:
    tensors = item.content.tensors
    count = sum(array.size for array in tensors.values())
    st.caption(f"{quantity(len(tensors), 'tensor')}, {quantity(count, 'parameter')}")
    st.code(json.dumps(item.content.config, indent=2, ensure_ascii=False), language="json")
    file = item.stored.file("safetensors")
    st.link_button(
        "Download weights", blob_url("result", item.manifest.key, file.name, download=1),
        icon=":material/download:",
    )  # fmt: skip


RENDERERS: dict[str, Callable[[ResultItem], None]] = {
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
