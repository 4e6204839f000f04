"""Plotly figure of a data set: the number of images per class."""

from __future__ import annotations

import plotly.graph_objects as go

from core.datasets.record import DatasetRecord
from dashboard.figures.charts import COLORS, MARGIN, inert

HEIGHT = 320
NAMED_CLASSES = 40
"""With more classes their names appear under the pointer only."""
LABEL_LETTERS, LEVEL_LETTERS = 18, 3
"""Letters of a class name on the axis before it is cut; and up to which it is drawn horizontally."""


def classes_figure(record: DatasetRecord) -> go.Figure:
    """A bar per class, in the order of class indices: training images, and validation images on top."""
    figure = go.Figure()
    names = [inert(entry.name) for entry in record.classes]
    splits = (
        ("training", [entry.training for entry in record.classes], COLORS[0]),
        ("validation", [entry.held_out for entry in record.classes], COLORS[1]),
    )
    places = list(range(len(names)))
    for label, counts, color in splits:
        figure.add_bar(
            x=places, y=counts, name=label, marker={"color": color, "line": {"width": 0}}, customdata=names,
            hovertemplate=f"<b>%{{customdata}}</b><br>%{{y:,}} {label}<extra></extra>",
        )  # fmt: skip
    named = len(names) <= NAMED_CLASSES
    short = [inert(_short(entry.name)) for entry in record.classes]
    figure.update_xaxes(
        tickvals=places if named else None, ticktext=short if named else None, showticklabels=named,
        title=None if named else f"{len(names):,} classes", fixedrange=True, automargin=True,
        tickangle=0 if max(map(len, short)) <= LEVEL_LETTERS else -45,
    )  # fmt: skip
    figure.update_yaxes(title="Images", fixedrange=True, rangemode="tozero", tickformat=",")
    figure.update_layout(
        barmode="stack", bargap=0.15 if named else 0, height=HEIGHT, margin=MARGIN | {"t": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0, "traceorder": "normal"},
    )  # fmt: skip
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LABEL_LETTERS else f"{name[: LABEL_LETTERS - 1]}…"
