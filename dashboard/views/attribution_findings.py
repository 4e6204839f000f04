"""Measured attributions on the page Findings: which maps show what an answer rests on, in a table and in charts."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.display.wording import listed, network_name
from core.findings.conclusions import in_words
from core.findings.measured_attributions import Measurement, bundled_measurement, measurements
from core.measures.attributions import MEASURES, SURVIVES
from dashboard.figures.attributions import bar_figure, kept_figure, randomized_figure
from dashboard.grid.items import PLOTLY
from dashboard.session import get_store, plain

COMMAND = "gazegrid measure --methods saliency,grad_cam --networks NAME,NAME --data FILE --pictures 120"
LOOK_AGAIN_S = 5
BETTER = {"high": "High is better.", "low": "Low is better.", "": ""}
BARS: dict[str, str | float | None] = {
    "inside": "area",
    "pointing": "area",
    "insertion": None,
    "deletion": None,
    "box_accuracy": None,
    "collage": 0.5,
}
"""Measures that are drawn as bars -> what a map that knows nothing has: a measure, or a value."""


def show_attributions() -> None:
    """The measurement that is chosen; or how one is made."""
    found = _chosen()
    if found is None:
        st.caption(f"No attributions have been measured yet: `{COMMAND}` does it, on a data set of your own.")
        return
    if found is bundled_measurement():
        st.markdown("Measured with the networks that come with Gazegrid. To measure on a data set of your own:")
        st.code(COMMAND, language="bash")
    st.caption(
        f"{found.pictures:,} pictures{_restrictions(found)}, {_networks(found)}. Each map explains the "
        "network's own answer. 95 % intervals of the bootstrap over pictures; maps that know nothing of the picture "
        "are beside them: what does not beat those shows nothing."
    )
    _warn(found)
    _bars(found)
    _lines(found)
    _table(found)


def _chosen() -> Measurement | None:
    there = _measurements()
    if len(there) < 2:
        return there[0] if there else bundled_measurement()
    number = st.selectbox(
        "Measurement", range(len(there)), format_func=lambda place: _title(there[place]), key="findings:measurement"
    )
    return there[number]


@st.cache_resource(ttl=LOOK_AGAIN_S, show_spinner="Looking for measured attributions…")
def _measurements() -> list[Measurement]:
    """What the store holds, as of a moment ago."""
    return measurements(get_store())


def _title(found: Measurement) -> str:
    methods = sum(not one.baseline for one in found.attributions)
    data = str(found.protocol["dataset"])[:8]
    return f"{found.pictures:,} pictures{_restrictions(found)} · data set {data} · {methods} measured maps"


def _networks(found: Measurement) -> str:
    count = len(found.networks)
    return f"{count} network{'s' * (count != 1)}"


def _restrictions(found: Measurement) -> str:
    said = (" that the networks name right", "only_correct"), (" with small boxes", "small_boxes")
    return ",".join(text for text, name in said if found.protocol.get(name))


def _warn(found: Measurement) -> None:
    """A map that survives randomization is worthless, whatever else it scores."""
    for label in found.labels:
        surviving = [one for one in found.attributions if one.label == label and one.fails_sanity_check]
        if surviving:
            said = [
                f"{plain(network_name(one.network))} ({one.measures['randomized_100'].interval.value:.2f})"
                for one in surviving
            ]
            st.warning(
                f"{plain(label)} survives randomization on {listed(said)}: with all weights random the order of its "
                f"maps stays nearly the same (rank correlation above {SURVIVES}). They show the picture, not what the "
                "network learned.",
                icon=":material/warning:",
            )


def _bars(found: Measurement) -> None:
    left, right = st.columns(2, gap="large")
    for place, name in enumerate(name for name in BARS if name in found.measures):
        measure = MEASURES[name]
        dotted = "" if BARS[name] is None else " Dotted: what a map that knows nothing has."
        with (left, right)[place % 2]:
            _chart(
                measure.name, f"{measure.title}. {BETTER[measure.better]}{dotted}", bar_figure(found, name, BARS[name])
            )


def _lines(found: Measurement) -> None:
    network = found.networks[0]
    if len(found.networks) > 1:
        network = st.selectbox(
            "Network of the curves", found.networks, format_func=network_name, key="findings:curves_of"
        )
    left, right = st.columns(2, gap="large")
    with left:
        told = "The rest is blurred. High is better: few pixels are enough."
        _chart("Only the best pixels shown", told, kept_figure(found, network, "shown"))
    with right:
        told = "They are blurred. Low is better: without them the answer is lost."
        _chart("The best pixels hidden", told, kept_figure(found, network, "hidden"))
    if "randomized_100" in found.measures:
        with left:
            told = f"How much of a map's order stays as weights are randomized. Above {SURVIVES} at the end: worthless."
            _chart("Random weights", told, randomized_figure(found, network))


def _chart(heading: str, told: str, figure: go.Figure) -> None:
    st.markdown(f"**{heading}**")
    st.caption(told)
    st.plotly_chart(figure, key=f"attributions:{heading}", config=PLOTLY)


def _table(found: Measurement) -> None:
    st.markdown("**All measures**")
    rows: list[dict[str, Any]] = []
    for one in found.attributions:
        told = {"Network": network_name(one.network), "Method": one.label}
        told["Randomized"] = (
            "survives" if one.fails_sanity_check else "changes" if "randomized_100" in one.measures else "-"
        )
        for name in found.measures:
            told[MEASURES[name].name] = in_words(one.measures[name].interval) if name in one.measures else "-"
        rows.append(told)
    columns = {
        measure.name: st.column_config.TextColumn(help=f"{measure.title}. {BETTER[measure.better]}")
        for measure in MEASURES.values()
    }
    st.dataframe(rows, hide_index=True, column_config=columns)
