"""Plotly figures of a study's findings. A point that stands for a picture carries the picture's digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.display.wording import network_names
from core.findings.study import PATCH_GRIDS, NetworkFindings
from core.measures.features import ring_edges
from core.measures.intervals import Interval
from dashboard.figures.charts import COLORS, MARGIN, error_bars

HEIGHT = 340

Networks = Sequence[NetworkFindings]
Values = Callable[[NetworkFindings], dict[str, float]]
"""Digest of a picture -> its value."""
Mean = Callable[[NetworkFindings], Interval]


def spread_figure(
    networks: Networks, values: Values, mean: Mean, title: str, *, log: bool = False, linked: bool = True
) -> go.Figure:
    """One column per network: a point per picture, and the mean with its interval.

    `linked`: whether a click on a point opens the picture's row.
    """
    figure = go.Figure()
    names = network_names(network.name for network in networks)
    extra = "click to see the row" if linked else ""
    for place, network in enumerate(networks):
        finite = {digest: value for digest, value in values(network).items() if np.isfinite(value)}
        scatter = np.random.default_rng(place).uniform(-0.16, 0.16, len(finite))
        figure.add_scatter(
            x=place + scatter, y=list(finite.values()), customdata=[[network.name, digest] for digest in finite],
            mode="markers", marker={"color": _color(place), "size": 6, "opacity": 0.45},
            hovertemplate=f"{names[network.name]}<br>%{{y:.3g}}<extra>{extra}</extra>",
        )  # fmt: skip
        figure.add_scatter(**_with_interval([place + 0.3], [mean(network)], _color(place)))
    figure.update_xaxes(tickvals=list(range(len(networks))), ticktext=[names[network.name] for network in networks])
    return _framed(figure, title, log=log)


def ring_figure(networks: Networks) -> go.Figure:
    """Remaining edges relative to the original's, from the center to the border."""
    figure = go.Figure()
    ends = ring_edges()
    names = network_names(network.name for network in networks)
    middles = (ends + np.concatenate([[0.0], ends[:-1]])) / 2
    for place, network in enumerate(networks):
        figure.add_scatter(
            x=middles, y=network.rings, mode="lines+markers", name=names[network.name],
            line={"color": _color(place)},
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": "rgba(128,128,128,0.6)", "dash": "dot"})
    figure.update_xaxes(title="Distance from the center (border: 1)", range=[0, 1])
    return _framed(figure, "Ratio to the original", legend=True)


def shape_figure(networks: Networks) -> go.Figure:
    """Accuracy on whole pictures and on pictures of shuffled patches, from large to small patches."""
    figure = go.Figure()
    names = network_names(network.name for network in networks)
    for place, network in enumerate(networks):
        if network.shuffled:
            intervals = [network.accuracy(parts) for parts in PATCH_GRIDS]
            points = _with_interval(list(range(len(PATCH_GRIDS))), intervals, _color(place), 100)
            line = {"mode": "lines+markers", "showlegend": True, "name": names[network.name]}
            figure.add_scatter(**(points | line))
    labels = ["whole", *(f"{parts} x {parts}" for parts in PATCH_GRIDS[1:])]
    figure.update_xaxes(title="Grid of patches", tickvals=list(range(len(PATCH_GRIDS))), ticktext=labels)
    figure.update_yaxes(ticksuffix=" %")
    return _framed(figure, "Accuracy", legend=True)


def _with_interval(x: Sequence[float], intervals: Sequence[Interval], color: str, times: float = 1.0) -> dict[str, Any]:
    """A trace with a point and an error bar for each interval, all multiplied by `times`."""
    return {
        "x": x, "y": [None if one.value is None else one.value * times for one in intervals],
        "mode": "markers", "showlegend": False, "line": {"color": color},
        "marker": {"color": color, "size": 9},
        "error_y": error_bars(intervals, times) | {"thickness": 2, "width": 5},
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
