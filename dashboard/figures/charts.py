"""Plotly figures of items: curves, maps with raw values, points, embeddings. Nothing here needs Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.display.network_view import dot_styles
from core.display.scatter_chart import MAX_LEGEND_CLASSES
from core.items import Embedding, Floats, Map, Pixels, Points, Series
from core.measures.intervals import Interval
from core.media.colors import color_among, colorize

LINE_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MAX_PLOTTED_POINTS = 2_000
MAX_MARKED_EPOCHS = 40
MAX_LEGEND_LETTERS = 32
DOT_COLOR, DOT_PX = "#ff4020", 9
"""Color of points; and the width of a dot in screen pixels for a radius of one percent."""
LATTICE = 32
"""Clickable places along each side of a picture."""
MARGIN = {"l": 8, "r": 8, "t": 32, "b": 8}


@dataclass(frozen=True)
class Curve:
    """A series to draw: `source` names the network or variant, `name` the quantity."""

    source: str
    name: str
    series: Series


def error_bars(intervals: Sequence[Interval], times: float = 1.0) -> dict[str, Any]:
    """Error bars of plotly for the intervals, multiplied by `times`; none for a value without an interval."""
    above = [None if one.value is None or one.high is None else times * (one.high - one.value) for one in intervals]
    below = [None if one.value is None or one.low is None else times * (one.value - one.low) for one in intervals]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below}


def curve_figures(curves: Iterable[Curve], *, log: bool = False) -> list[go.Figure]:
    """A chart for each pair of axes. Sources differ in color and names in dash; names of a single source in color."""
    figures = [_curves_figure(group) for group in curve_groups(curves)]
    if log:
        for figure in figures:
            figure.update_yaxes(type="log", exponentformat="power")
    return figures


def curve_groups(curves: Iterable[Curve]) -> list[list[Curve]]:
    """The curves, grouped by the labels of their axes."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.series.x_label, curve.series.y_label), []).append(curve)
    return list(groups.values())


def _curves_figure(curves: Sequence[Curve]) -> go.Figure:
    sources = list(dict.fromkeys(curve.source for curve in curves))
    names = list(dict.fromkeys(curve.name for curve in curves))
    figure = go.Figure()
    for curve in curves:
        by_source = len(sources) > 1
        position = sources.index(curve.source) if by_source else names.index(curve.name)
        dash = LINE_DASHES[names.index(curve.name) % len(LINE_DASHES)] if by_source else "solid"
        label = " · ".join(part for part, many in ((curve.source, by_source), (curve.name, len(names) > 1)) if many)
        x, y = thinned(curve.series.x, curve.series.y)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=label or curve.name,
            line={"color": COLORS[position % len(COLORS)], "dash": dash},
        )
    axes = curves[0].series
    figure.update_layout(
        xaxis_title=axes.x_label, yaxis_title=axes.y_label, height=360, margin=MARGIN, hovermode="x unified",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0}, showlegend=len(curves) > 1,
    )  # fmt: skip
    return figure


COLORS = ("#2f6fde", "#d9822b", "#2a9d6e", "#c2408b", "#7a5af0", "#b8433f", "#5b7083", "#9a7d0a")
"""Distinguishable for color-blind readers, as far as eight colors can be."""


@dataclass(frozen=True)
class TrainingCurve:
    """The validation accuracy of a network during training. `dashed`: it is not comparable with the others."""

    name: str
    accuracy: Sequence[float]
    """After each epoch, from 0 to 1."""
    epoch_minutes: float
    color: str
    dashed: bool = False


def training_figure(curves: Sequence[TrainingCurve], *, by_minutes: bool = False) -> go.Figure:
    """Validation accuracy against epochs or minutes; the legend is sorted by the final accuracy."""
    figure = go.Figure()
    for curve in sorted(curves, key=lambda curve: -curve.accuracy[-1]):
        percent = 100 * np.asarray(curve.accuracy, np.float32)
        epochs, accuracy = thinned(np.arange(1, len(curve.accuracy) + 1, dtype=np.float32), percent)
        minutes = epochs * curve.epoch_minutes
        figure.add_scatter(
            x=minutes if by_minutes else epochs, y=accuracy, customdata=np.column_stack([epochs, minutes]),
            mode="lines+markers" if len(epochs) <= MAX_MARKED_EPOCHS else "lines", marker={"size": 5},
            line={"color": curve.color, "dash": "dash" if curve.dashed else "solid"},
            name=f"{inert(_short(curve.name))}  {accuracy[-1]:.1f} %",
            hovertemplate=f"<b>{inert(curve.name)}</b><br>epoch %{{customdata[0]}}, %{{customdata[1]:.3~g}} min"
            "<br>%{y:.1f} % accuracy<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis_title="Minutes of training" if by_minutes else "Epoch", yaxis_title="Validation accuracy",
        yaxis={"ticksuffix": " %", "rangemode": "tozero"}, height=380, margin=MARGIN | {"t": 8}, showlegend=True,
        hovermode="closest", legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0},
    )  # fmt: skip
    if not by_minutes and max(len(curve.accuracy) for curve in curves) <= MAX_MARKED_EPOCHS // 2:
        figure.update_xaxes(dtick=1)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= MAX_LEGEND_LETTERS else f"{name[: MAX_LEGEND_LETTERS - 1]}…"


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most `MAX_PLOTTED_POINTS` points of a curve, including both ends."""
    if len(x) <= MAX_PLOTTED_POINTS:
        return x, y
    places = np.linspace(0, len(x) - 1, MAX_PLOTTED_POINTS).round().astype(int)
    return x[places], y[places]


def color_stops(*, signed: bool, count: int = 33) -> list[tuple[float, str]]:
    """The color scale of maps for plotly and CSS: (share from 0 to 1, color).

    A scale by name would not do: Streamlit replaces some colors of plotly's scales by those of its theme.
    """
    shares = np.linspace(0, 1, count, dtype=np.float32)
    colors = colorize(shares[None], 0.0, 1.0, signed=signed)[0]
    return [(float(share), f"rgb({r}, {g}, {b})") for share, (r, g, b) in zip(shares, colors, strict=True)]


def map_figure(item: Map, scale: tuple[float, float] | None) -> go.Figure:
    """The map with the raw value under the pointer; without a scale in its nominal range, and without a color bar."""
    low, high = scale or (item.low, item.high)
    bar = {"title": {"text": item.unit or "value", "side": "right"}, "thickness": 12}
    heatmap = go.Heatmap(
        z=item.values, zmin=low, zmax=high, colorscale=color_stops(signed=item.signed),
        colorbar=bar, showscale=scale is not None,
        hovertemplate="x %{x} px, y %{y} px<br>%{z:.5g} " + inert(item.unit) + "<extra></extra>",
    )  # fmt: skip
    return _framed(go.Figure(heatmap), item.values.shape[1], item.values.shape[0])


def picture_figure(pixels: Pixels) -> go.Figure:
    """A picture with the raw values, 0 to 255, under the pointer."""
    template = "x %{x} px, y %{y} px<br>R %{z[0]}, G %{z[1]}, B %{z[2]}<extra></extra>"
    return _framed(go.Figure(go.Image(z=pixels, hovertemplate=template)), pixels.shape[1], pixels.shape[0])


def points_figure(item: Points, background: Pixels) -> go.Figure:
    """Points over `background` (height, width, 3) of their own frame; heavier points are larger and more opaque."""
    figure = go.Figure(go.Image(z=background, hoverinfo="skip"))
    weights: NDArray[np.float32] | None = item.weights
    radii, opacities = dot_styles(item)
    order = np.argsort(opacities, kind="stable")  # the heaviest is drawn last
    weights = None if weights is None else weights[order]
    figure.add_scatter(
        x=item.xy[order, 0], y=item.xy[order, 1], mode="markers", customdata=weights, showlegend=False,
        marker={"size": DOT_PX * radii[order], "color": DOT_COLOR, "opacity": opacities[order], "line": {"width": 0}},
        hovertemplate="x %{x:.1f} px, y %{y:.1f} px" + ("" if weights is None else "<br>weight %{customdata:.4g}")
        + "<extra></extra>",
    )  # fmt: skip
    return _framed(figure, item.width, item.height)


def clickable_figure(pixels: Pixels, points: Points | None, place: tuple[float, float] | None) -> go.Figure:
    """A picture whose places can be clicked, with its points, and a cross at `place` (x, y from 0 to 1).

    In plotly points take clicks and pictures do not: an invisible lattice of points covers the picture.
    """
    height_px, width_px = pixels.shape[:2]
    no_points = Points(xy=np.zeros((0, 2), np.float32), width=width_px, height=height_px)
    figure = points_figure(points or no_points, pixels)
    template = "Explain the neuron here<br>x %{x:.0f} px, y %{y:.0f} px<extra></extra>"
    _add_lattice(figure, width_px, height_px, marker={"size": 16, "opacity": 0}, hovertemplate=template)
    if place is not None:
        figure.add_scatter(
            x=[place[0] * width_px], y=[place[1] * height_px], mode="markers", hoverinfo="skip", showlegend=False,
            marker={"symbol": "cross-thin", "size": 22, "line": {"color": "#00e5ff", "width": 3}},
        )  # fmt: skip
    figure.update_layout(clickmode="event+select", dragmode=False, hoverdistance=40)
    return figure


def region_figure(pixels: Pixels) -> go.Figure:
    """A picture on which regions can be drawn: plotly's lasso selects points, so a lattice of them covers it."""
    height_px, width_px = pixels.shape[:2]
    figure = _framed(go.Figure(go.Image(z=pixels, hoverinfo="skip")), width_px, height_px)
    _add_lattice(figure, width_px, height_px, marker={"size": 2, "opacity": 0}, hoverinfo="skip")
    line = {"color": "#ffffff", "width": 3, "dash": "solid"}
    figure.update_layout(dragmode="lasso", newselection={"line": line}, activeselection={"opacity": 0})
    return figure


def _add_lattice(figure: go.Figure, width_px: int, height_px: int, **look: Any) -> None:
    """Add invisible points, evenly spread over a picture, for what plotly offers for points only."""
    steps = (np.arange(LATTICE) + 0.5) / LATTICE
    x, y = (axis.ravel() for axis in np.meshgrid(steps * width_px, steps * height_px))
    hidden = {"marker": {"opacity": 0}}
    figure.add_scatter(x=x, y=y, mode="markers", showlegend=False, selected=hidden, unselected=hidden, **look)


def embedding_figure(item: Embedding) -> go.Figure:
    """The first two dimensions of the codes, colored by label."""
    figure = go.Figure()
    add_trace = figure.add_scatter if len(item.points) <= MAX_PLOTTED_POINTS else figure.add_scattergl
    labels, classes = np.asarray(item.labels), len(set(item.labels))
    second = item.points[:, 1] if item.points.shape[1] > 1 else np.zeros(len(item.points))
    for index, label in enumerate(dict.fromkeys(item.labels)):
        members = np.flatnonzero(labels == label)
        add_trace(
            x=item.points[members, 0], y=second[members], mode="markers", name=inert(label), customdata=members,
            marker={"size": 6, "color": color_among(index, classes)},
        )  # fmt: skip
    figure.update_xaxes(title="Dimension 1", zeroline=False, automargin=True)
    figure.update_yaxes(
        title="Dimension 2", zeroline=False, automargin=True, scaleanchor="x"
    )  # equal units: distances matter
    figure.update_layout(
        height=480, margin=MARGIN | {"t": 8}, showlegend=1 < classes <= MAX_LEGEND_CLASSES,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0, "itemsizing": "constant"},
    )  # fmt: skip
    return figure


def _framed(figure: go.Figure, width_px: int, height_px: int) -> go.Figure:
    """The figure with square pixels, y downwards and no axes."""
    figure.update_xaxes(visible=False, range=[-0.5, width_px - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[height_px - 0.5, -0.5], scaleanchor="x", constrain="domain")
    figure.update_layout(height=460, margin={"l": 0, "r": 0, "t": 8, "b": 0})
    return figure


def inert(text: str) -> str:
    """The text with plotly's markup escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")
