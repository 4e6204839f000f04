"""Plotly figures of measured attributions: methods as lines and bars, baseline maps dashed or gray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from core.display.wording import network_names
from core.findings.measured_attributions import MeasuredAttribution, Measurement
from core.measures.attributions import MAX_CORRELATION, MEASURES, PIXEL_PERCENTS, RANDOMIZED_PERCENTS
from core.measures.intervals import NO_PICTURE, Interval
from dashboard.figures.charts import COLORS, LINE_DASHES, MARGIN, error_bars

HEIGHT = 340
GRAY = "rgb(128,128,128)"
DOTTED = {"color": GRAY, "dash": "dot", "width": 1.5}


def retained_figure(measurement: Measurement, network: str, kind: Literal["shown", "hidden"]) -> go.Figure:
    """Prediction retained against the share of top pixels that are shown or hidden."""
    figure = _lines(measurement, network, [f"{kind}_{share}" for share in PIXEL_PERCENTS], PIXEL_PERCENTS, times=100)
    figure.update_xaxes(title=f"Top pixels {kind}", ticksuffix=" %", tickvals=list(PIXEL_PERCENTS))
    figure.update_yaxes(title="Prediction retained", ticksuffix=" %", range=[0, 102])
    return figure


def randomized_figure(measurement: Measurement, network: str) -> go.Figure:
    """Rank correlation with the original map against the randomized share; a line marks the sanity check."""
    figure = _lines(
        measurement,
        network,
        [f"randomized_{percent}" for percent in RANDOMIZED_PERCENTS],
        RANDOMIZED_PERCENTS,
        baselines=False,
    )
    figure.add_hline(y=MAX_CORRELATION, line=DOTTED)
    texts = ["last part", *(f"{percent} %" for percent in RANDOMIZED_PERCENTS[1:])]
    figure.update_xaxes(
        title="Randomized weights, from the last part on", tickvals=list(RANDOMIZED_PERCENTS), ticktext=texts
    )
    figure.update_yaxes(title="Rank correlation", range=[-0.3, 1.05])
    return figure


def bar_figure(measurement: Measurement, measure: str, chance: str | float | None = None) -> go.Figure:
    """Bars of one measure: a group per method, a color per network.

    `chance`: the level of a map without information, a dotted line: a measure's name, or a value.
    """
    figure = go.Figure()
    names = network_names(measurement.networks)
    labels = [
        label
        for label in measurement.labels
        if any(_has(measurement.entry(name, label), measure) for name in measurement.networks)
    ]
    for place, network in enumerate(measurement.networks):
        measured = [label for label in labels if _has(measurement.entry(network, label), measure)]
        intervals = [_interval(measurement.entry(network, label), measure) for label in measured]
        figure.add_bar(
            x=measured, y=[one.value for one in intervals], name=names[network],
            marker={
                "color": COLORS[place % len(COLORS)],
                "opacity": [_opacity(measurement, label) for label in measured],
            },
            error_y=error_bars(intervals) | {"thickness": 1.5, "width": 4},
            hovertemplate="%{x}<br>%{y:.3g} (+%{error_y.array:.2g}, -%{error_y.arrayminus:.2g})<extra></extra>",
        )  # fmt: skip
        if isinstance(chance, str) and measured:
            level = _interval(measurement.entry(network, measured[0]), chance).value
            if level is not None:
                figure.add_hline(y=level, line=DOTTED | {"color": COLORS[place % len(COLORS)]})
    if isinstance(chance, float):
        figure.add_hline(y=chance, line=DOTTED)
    figure.update_yaxes(title=MEASURES[measure].name, rangemode="tozero")
    figure.update_xaxes(automargin=True, categoryorder="array", categoryarray=labels)
    return _framed(figure).update_layout(legend={"yanchor": "bottom", "y": 1.02})


def _lines(
    measurement: Measurement,
    network: str,
    names: Sequence[str],
    x: Sequence[float],
    times: float = 1,
    baselines: bool = True,
) -> go.Figure:
    figure = go.Figure()
    for place, label in enumerate(measurement.labels):
        one = measurement.entry(network, label)
        if one is None or (one.baseline and not baselines) or not all(_has(one, name) for name in names):
            continue
        intervals = [_interval(one, name) for name in names]
        figure.add_scatter(
            x=list(x), y=[None if of.value is None else times * of.value for of in intervals], name=label,
            mode="lines+markers", line=_line(measurement, label, place),
            error_y=error_bars(intervals, times) | {"thickness": 1, "width": 3},
        )  # fmt: skip
    return _framed(figure)


def _line(measurement: Measurement, label: str, place: int) -> dict[str, str]:
    """Color and dash: a color per method, a gray dash per baseline map."""
    baselines = [name for name in measurement.labels if _is_baseline(measurement, name)]
    if label in baselines:
        return {"color": GRAY, "dash": LINE_DASHES[1 + baselines.index(label) % (len(LINE_DASHES) - 1)]}
    return {"color": COLORS[place % len(COLORS)], "dash": "solid"}


def _opacity(measurement: Measurement, label: str) -> float:
    return 0.4 if _is_baseline(measurement, label) else 1.0


def _is_baseline(measurement: Measurement, label: str) -> bool:
    return any(one.baseline for one in measurement.attributions if one.label == label)


def _has(one: MeasuredAttribution | None, measure: str) -> bool:
    return one is not None and measure in one.measures


def _interval(one: MeasuredAttribution | None, measure: str) -> Interval:
    nothing = Interval(None, None, None, 0, NO_PICTURE)
    return one.measures[measure] if one is not None and measure in one.measures else nothing


def _framed(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        height=HEIGHT, margin=MARGIN | {"t": 8}, showlegend=True, hovermode="closest", barmode="group",
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0},
    )  # fmt: skip
    return figure
