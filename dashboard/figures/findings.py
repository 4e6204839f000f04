"""Plotly figures of a study's findings. Every point that stands for a picture carries the picture's digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.display.wording import network_name
from core.findings.study import PARTS, NetworkFindings
from core.measures.bootstrap import Interval
from core.measures.features import ring_edges
from dashboard.figures.charts import COLORS, MARGIN

HEIGHT = 340

Networks = Sequence[NetworkFindings]
Values = Callable[[NetworkFindings], dict[str, float]]
"""Picture's digest -> its number."""
Mean = Callable[[NetworkFindings], Interval]


def spread_figure(
    networks: Networks, values: Values, mean: Mean, title: str, *, log: bool = False, behind: bool = True
) -> go.Figure:
    """A point a picture, and beside them the mean with its interval; one column a network.

    `behind`: whether a click on a point leads anywhere.
    """
    figure = go.Figure()
    extra = "click: the grid behind it" if behind else ""
    for place, network in enumerate(networks):
        found = {digest: value for digest, value in values(network).items() if np.isfinite(value)}
        scatter = np.random.default_rng(place).uniform(-0.16, 0.16, len(found))
        figure.add_scatter(
            x=place + scatter, y=list(found.values()), customdata=[[network.name, digest] for digest in found],
            mode="markers", marker={"color": _color(place), "size": 6, "opacity": 0.45},
            hovertemplate=f"{network_name(network.name)}<br>%{{y:.3g}}<extra>{extra}</extra>",
        )  # fmt: skip
        figure.add_scatter(**_with_interval([place + 0.3], [mean(network)], _color(place)))
    figure.update_xaxes(tickvals=list(range(len(networks))), ticktext=[network_name(n.name) for n in networks])
    return _framed(figure, title, log=log)


def ring_figure(networks: Networks) -> go.Figure:
    """Share of the edges left against the original's, from the center to the border."""
    figure = go.Figure()
    ends = ring_edges()
    middles = (ends + np.concatenate([[0.0], ends[:-1]])) / 2
    for place, network in enumerate(networks):
        figure.add_scatter(
            x=middles, y=network.rings, mode="lines+markers", name=network_name(network.name),
            line={"color": _color(place)},
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": "rgba(128,128,128,0.6)", "dash": "dot"})
    figure.update_xaxes(title="Distance from the center (the border is 1)", range=[0, 1])
    return _framed(figure, "Weight against the original", legend=True)


def shape_figure(networks: Networks) -> go.Figure:
    """Pictures named right, whole and cut into ever smaller patches in another order."""
    figure = go.Figure()
    for place, network in enumerate(networks):
        if network.shuffled:
            intervals = [network.accuracy(parts) for parts in PARTS]
            drawn = _with_interval(list(range(len(PARTS))), intervals, _color(place), 100)
            shown = {"mode": "lines+markers", "showlegend": True, "name": network_name(network.name)}
            figure.add_scatter(**(drawn | shown))
    labels = ["whole", *(f"{parts} x {parts}" for parts in PARTS[1:])]
    figure.update_xaxes(title="Patches", tickvals=list(range(len(PARTS))), ticktext=labels)
    figure.update_yaxes(ticksuffix=" %")
    return _framed(figure, "Named right", legend=True)


def _with_interval(x: Sequence[float], intervals: Sequence[Interval], color: str, times: float = 1.0) -> dict[str, Any]:
    """A point for each interval, and a bar from end to end."""
    values = np.array([[i.value, i.low, i.high] for i in intervals]) * times
    return {
        "x": x, "y": values[:, 0], "mode": "markers", "showlegend": False, "line": {"color": color},
        "marker": {"color": color, "size": 9},
        "error_y": {
            "type": "data", "symmetric": False, "array": values[:, 2] - values[:, 0],
            "arrayminus": values[:, 0] - values[:, 1], "thickness": 2, "width": 5,
        },
        "hovertemplate": "%{y:.3g} (+%{error_y.array:.2g}, -%{error_y.arrayminus:.2g})<extra>mean, 95 %</extra>",
    }  # fmt: skip


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def _framed(figure: go.Figure, y_title: str, *, log: bool = False, legend: bool = False) -> go.Figure:
    figure.update_yaxes(title=y_title, rangemode="tozero")
    if log:
        figure.update_yaxes(type="log")
    figure.update_layout(
        height=HEIGHT, margin=MARGIN | {"t": 8}, showlegend=legend, hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0},
    )  # fmt: skip
    return figure
