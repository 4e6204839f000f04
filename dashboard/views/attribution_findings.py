"""Attribution quality on the page Findings: measured attributions in charts and in a table."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.display.wording import formatted, listed, network_names, quantity
from core.findings.conclusions import NOT_MEASURED, interval_text
from core.findings.measured_attributions import MeasuredAttribution, Measurement, bundled_measurement, measurements
from core.measures.attributions import MAX_CORRELATION, MEASURES
from dashboard.figures.attributions import bar_figure, randomized_figure, retained_figure
from dashboard.grid.items import PLOTLY
from dashboard.session import get_store, help_bubble, plain

COMMAND = "gazegrid measure --methods saliency,grad_cam --networks NAME,NAME --data FILE --pictures 120"
REFRESH_S = 5
BETTER = {"high": "High is better.", "low": "Low is better.", "": ""}
BARS: dict[str, str | float | None] = {
    "inside": "area",
    "pointing": "area",
    "insertion": None,
    "deletion": None,
    "box_accuracy": None,
    "collage": 0.5,
}
"""Measures that are drawn as bars -> the level of a map without information: a measure, or a value."""


def show_attributions() -> None:
    """Charts and table of the selected measurement; without one, the command that makes it."""
    measurement = _select_measurement()
    if measurement is None:
        st.caption(f"No attributions are measured yet. Measure them on your own data set: `{COMMAND}`")
        return
    if measurement.caveat:
        st.warning(measurement.caveat)
    if measurement is bundled_measurement():
        st.markdown("Measured on the bundled networks. To measure on your own data set:")
        st.code(COMMAND, language="bash")
    st.caption(
        f"{measurement.pictures:,} pictures{_restrictions(measurement)}, {_networks(measurement)}. Each map explains "
        "the predicted class. Error bars: 95 % confidence intervals over pictures. Baseline maps are pale or dashed: a "
        "method that does not exceed them shows nothing.",
        help=help_bubble("confidence interval, baseline maps"),
    )
    _warn(measurement)
    _bars(measurement)
    _lines(measurement)
    _table(measurement)


def _select_measurement() -> Measurement | None:
    stored = _measurements()
    if len(stored) < 2:
        return stored[0] if stored else bundled_measurement()
    index = st.selectbox(
        "Measurement", range(len(stored)), format_func=lambda index: _title(stored[index]), key="findings:measurement"
    )
    return stored[index]


@st.cache_resource(ttl=REFRESH_S, show_spinner="Loading measured attributions…")
def _measurements() -> list[Measurement]:
    """The measurements in the store, at most `REFRESH_S` seconds old."""
    return measurements(get_store())


def _title(measurement: Measurement) -> str:
    methods = sum(not attribution.baseline for attribution in measurement.attributions)
    dataset = str(measurement.protocol["dataset"])[:8]
    return (
        f"{measurement.pictures:,} pictures{_restrictions(measurement)} · data set {dataset} · {methods} measured maps"
    )


def _networks(measurement: Measurement) -> str:
    return quantity(len(measurement.networks), "network")


def _restrictions(measurement: Measurement) -> str:
    """What was measured only, for a sentence that continues with it; empty where nothing was left out."""
    texts = {"only_correct": "correctly predicted", "small_boxes": "small objects"}
    return "".join(f", {text}" for name, text in texts.items() if measurement.protocol.get(name))


def _warn(measurement: Measurement) -> None:
    """A warning for each method that fails the sanity check on some network."""
    names = network_names(measurement.networks)
    for label in measurement.labels:
        failing = [entry for entry in measurement.attributions if entry.label == label and entry.fails_sanity_check]
        if failing:
            networks = [
                f"{plain(names[entry.network])} ({formatted(entry.measures['randomized_100'].value)})"
                for entry in failing
            ]
            st.warning(
                f"{plain(label)} fails the parameter-randomization sanity check on {listed(networks)}: with random "
                f"weights its maps stay alike (rank correlation above {MAX_CORRELATION}). They depend on the picture, "
                "not on what the network learned.",
                icon=":material/warning:",
            )


def _bars(measurement: Measurement) -> None:
    left, right = st.columns(2, gap="large")
    for index, name in enumerate(name for name in BARS if name in measurement.measures):
        measure = MEASURES[name]
        dotted = "" if BARS[name] is None else " Dotted: a map without information."
        with (left, right)[index % 2]:
            caption = f"{measure.title}. {BETTER[measure.better]}{dotted}"
            _chart(name, measure.name, caption, bar_figure(measurement, name, BARS[name]))


def _lines(measurement: Measurement) -> None:
    network = measurement.networks[0]
    if len(measurement.networks) > 1:
        network = st.selectbox(
            "Network of the curves",
            measurement.networks,
            format_func=network_names(measurement.networks).__getitem__,
            key="findings:curves_of",
        )
    left, right = st.columns(2, gap="large")
    with left:
        caption = "All other pixels are blurred. High is better: few pixels suffice."
        _chart(
            "shown", "Prediction retained, top pixels shown", caption, retained_figure(measurement, network, "shown")
        )
    with right:
        caption = "The top pixels are blurred. Low is better: the prediction depends on them."
        figure = retained_figure(measurement, network, "hidden")
        _chart("hidden", "Prediction retained, top pixels hidden", caption, figure)
    if "randomized_100" in measurement.measures:
        with left:
            caption = (
                f"Rank correlation with the original map. Above {MAX_CORRELATION} at the end, the sanity check fails."
            )
            _chart("randomized", "Parameter randomization", caption, randomized_figure(measurement, network))


def _chart(name: str, title: str, caption: str, figure: go.Figure) -> None:
    st.markdown(f"**{title}**", help=help_bubble(title))
    st.caption(caption)
    st.plotly_chart(figure, key=f"attributions:{name}", config=PLOTLY)


def _table(measurement: Measurement) -> None:
    st.markdown("**All measures**")
    rows: list[dict[str, Any]] = []
    names = network_names(measurement.networks)
    for entry in measurement.attributions:
        row = {"Network": names[entry.network], "Method": entry.label, "Sanity check": _sanity_check(entry)}
        for name in measurement.measures:
            row[MEASURES[name].name] = interval_text(entry.measures[name]) if name in entry.measures else NOT_MEASURED
        rows.append(row)
    columns = {
        measure.name: st.column_config.TextColumn(
            help=help_bubble(measure.name, f"{measure.title}. {BETTER[measure.better]}")
        )
        for measure in MEASURES.values()
    }
    columns["Sanity check"] = st.column_config.TextColumn(help=help_bubble("Sanity check"))
    st.dataframe(rows, hide_index=True, column_config=columns)


def _sanity_check(attribution: MeasuredAttribution) -> str:
    """`fails` or `passes`; `open` where the numbers do not decide, `-` where it was not measured."""
    if attribution.is_open:
        return "open"
    return {True: "fails", False: "passes", None: "-"}[attribution.fails_sanity_check]
