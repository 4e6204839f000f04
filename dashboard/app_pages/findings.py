"""Statistics over many pictures: conclusions with their numbers and the grid behind them, and attribution quality."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from core.display.wording import FAMILY_NAMES, formatted, network_names, picture_name, quantity
from core.errors import GazegridError
from core.findings.conclusions import conclusions, interval_text
from core.findings.study import (
    REMAINING,
    Findings,
    NetworkFindings,
    bundled_findings,
    findings,
    is_study,
)
from core.jobs.comparison import Comparison
from core.measures.intervals import MIN_PICTURES
from core.queue.grid import read_grid
from dashboard.figures.findings import ring_figure, shape_figure, spread_figure
from dashboard.grid.cells import View
from dashboard.grid.items import PLOTLY
from dashboard.grid.live import show_grid
from dashboard.links import GRID, checked_address
from dashboard.session import get_queue, get_store, help_bubble, plain, show_error
from dashboard.views.attribution_findings import show_attributions
from dashboard.views.gallery import title
from dashboard.views.recent import COMPARE

STUDY = "study"
MAX_COMPARISONS = 200
"""Latest comparisons that are searched for studies."""
ICONS = {
    "supported": ":material/check_circle:",
    "not supported": ":material/cancel:",
    "inconclusive": ":material/help:",
}
COMMAND = "gazegrid study --networks NAME,NAME --data FOLDER --pictures 100"


def page() -> None:
    """A tab for the statistics of a study, and one for attribution quality."""
    st.title("Findings", anchor=False)
    features, attributions = st.tabs(["Feature statistics", "Attribution quality"])
    with features:
        _show_study()
    with attributions:
        show_attributions()


def _show_study() -> None:
    """The selected study; without one, the bundled findings and the command that makes a study."""
    comparison = _select_study(_studies())
    if comparison is None:
        _without_study()
        return
    grid = read_grid(comparison, get_store(), get_queue())
    done = sum(state.status == "done" for state in grid.cells)
    if done < len(grid.cells):
        st.info(f"{done:,} of {len(grid.cells):,} cells are computed; the numbers below are based on these.")
    with st.spinner("Measuring the remaining details of each picture…"):
        study = _findings(comparison.key, done)
    if study.caveat:
        st.warning(study.caveat)
    if study.pictures < MIN_PICTURES:
        st.caption(f"Numbers appear once every network has completed {MIN_PICTURES} pictures.")
        return
    _show(study)


def _show(study: Findings) -> None:
    _conclusions(study)
    _charts(study)
    _table(study)


def _studies() -> list[Comparison]:
    """The studies among the latest comparisons."""
    studies = []
    for key, _ in get_store().comparisons()[:MAX_COMPARISONS]:
        try:
            comparison = get_store().comparison(key)
        except GazegridError:
            continue  # of another version: the page Compare lists it
        if is_study(comparison):
            studies.append(comparison)
    return studies


def _select_study(studies: list[Comparison]) -> Comparison | None:
    named = st.query_params.get(STUDY)
    try:
        if named and named not in {study.key for study in studies}:
            studies = [get_store().comparison(checked_address(named, "study")), *studies]
    except GazegridError as error:
        show_error(error)
    if not studies:
        return None
    by_key = {study.key: study for study in studies}
    keys = list(by_key)
    key = st.selectbox(
        "Study", keys, index=keys.index(named) if named in by_key else 0, key="findings:study",
        format_func=lambda key: f"{title(by_key[key])} · {key[:8]}",
    )  # fmt: skip
    if key != named:
        st.query_params[STUDY] = key
    return by_key[key]


def _without_study() -> None:
    """The bundled findings, if any, and the command that makes a study."""
    study = bundled_findings()
    if study is None:
        _show_command()
        return
    st.markdown(
        "Measured on the bundled networks with validation images of their training data. "
        "These images are not bundled, so the points open no grid."
    )
    _show(study)
    with st.expander("Run your own study", icon=":material/add:"):
        _show_command()


def _show_command() -> None:
    st.markdown(
        "A study measures the detail search over many pictures: the size of the features that a network needs, "
        "the weight of border and center, and the use of the object's shape."
    )
    st.markdown(f"A study is a grid of at least {MIN_PICTURES} pictures. Run one on your own data set:")
    st.code(COMMAND, language="bash")
    st.caption("Its cells are stored like all others and appear here and on the page Compare.")


@st.cache_resource(max_entries=8, show_spinner=False)
def _findings(key: str, _done: int) -> Findings:
    """The measurements of a study, once for each number of done cells."""
    return findings(get_store().comparison(key), get_store())


def _conclusions(study: Findings) -> None:
    st.caption(
        f"{quantity(study.pictures, 'picture')}, {quantity(len(study.networks), 'network')}. "
        "In brackets: 95 % confidence intervals over pictures.",
        help=help_bubble("confidence interval"),
    )
    for conclusion in conclusions(study):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"{ICONS[conclusion.verdict]} **{plain(conclusion.claim)}** {conclusion.verdict.capitalize()}.")
            st.markdown(plain(conclusion.reason))
            st.caption(plain(conclusion.rule))


def _charts(study: Findings) -> None:
    spread = partial(spread_figure, study.networks, linked=study.comparison is not None)
    left, right = st.columns(2, gap="large")
    with left:
        _chart(
            "feature_size",
            "Feature size",
            "Mean extent of connected edges, as a share of the width. One point per picture.",
            spread(_values("feature_size"), lambda network: network.feature_size, "Share of the width"),
            study.comparison,
        )
        _chart(
            "size_spread",
            "Spread of feature sizes",
            "Octaves between the sizes below which one and three quarters of the edge energy lie.",
            spread(lambda network: network.octaves, lambda network: network.size_spread, "Octaves"),
            study.comparison,
        )
        _chart(
            "wavelength",
            "Edge wavelength",
            "Mean wavelength in the radial spectrum of the remaining edges, as a share of the width.",
            spread(_values("wavelength"), lambda network: network.wavelength, "Share of the width"),
            study.comparison,
        )
    with right:
        _chart(
            "border_weight",
            "Border weight",
            "Share of the remaining edges in the outer half of the area, divided by the original's share.",
            spread(_values("border_weight"), lambda network: network.border_weight, "Ratio to the original", log=True),
            study.comparison,
        )
        _chart(
            "rings",
            "Radial profile",
            "Remaining edges from the center to the border; 1 is as in the original.",
            ring_figure(study.networks),
        )
        _chart(
            "shuffled",
            "Accuracy on patch-shuffled images",
            "Accuracy when pictures are cut into patches and reassembled in random order.",
            shape_figure(study.networks),
        )


def _values(name: str) -> Callable[[NetworkFindings], dict[str, float]]:
    """Digest of a picture -> its value of this name."""
    return lambda network: {digest: getattr(detail, name) for digest, detail in network.remaining.items()}


def _chart(name: str, title: str, caption: str, figure: go.Figure, grid: Comparison | None = None) -> None:
    """A chart; with a `grid`, each of its points is a picture, and a click shows the picture's row below."""
    st.markdown(f"**{title}**", help=help_bubble(title))
    st.caption(caption if grid is None else f"{caption} Click a point to see its row.")
    key = f"findings:{name}"
    if grid is None:
        st.plotly_chart(figure, key=key, config=PLOTLY)
        return
    event = st.plotly_chart(figure, key=key, config=PLOTLY, on_select="rerun", selection_mode="points")
    points = [point["customdata"] for point in event.selection.points if point.get("customdata")]
    if points:
        _row(grid, points[0][1])


def _row(comparison: Comparison, digest: str) -> None:
    name = next((ref.name for ref in comparison.pictures if ref.digest == digest), "")
    with st.container(border=True):
        st.markdown(f"**{plain(picture_name(name))}**")
        show_grid(comparison, View(REMAINING, compact=True), live=False, part=lambda grid: grid.rows_of(digest))
        st.page_link(
            COMPARE, label="Open the whole grid", icon=":material/open_in_full:", query_params={GRID: comparison.key}
        )


def _table(study: Findings) -> None:
    st.markdown("**All numbers**")
    names = network_names(network.name for network in study.networks)
    rows = [
        {
            "Network": names[network.name],
            "Family": FAMILY_NAMES[network.family],
            "Feature size (share of width)": interval_text(network.feature_size),
            "Wavelength (share of width)": interval_text(network.wavelength),
            "Size spread (octaves)": interval_text(network.size_spread),
            "Border weight (ratio)": interval_text(network.border_weight),
            **{
                f"Accuracy, {parts} x {parts} patches" if parts > 1 else "Accuracy": interval_text(
                    network.accuracy(parts), "share"
                )
                for parts in (1, 2, 4, 8)
                if network.shuffled
            },
            "Pictures": formatted(len(network.remaining)),
        }
        for network in study.networks
    ]
    columns = {label: st.column_config.TextColumn(help=help_bubble(label)) for row in rows for label in row}
    st.dataframe(rows, hide_index=True, column_config=columns)


page()
