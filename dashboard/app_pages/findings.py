"""What many pictures say of the networks: each conclusion of the talk beside its numbers, and the grid behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from core.display.wording import FAMILY_NAMES, formatted, network_name, picture_name
from core.errors import GazegridError
from core.findings.conclusions import conclusions, in_words
from core.findings.study import (
    LEAST_PICTURES,
    REMAINING,
    Findings,
    NetworkFindings,
    bundled_findings,
    can_be_found,
    findings,
)
from core.jobs.comparison import Comparison
from core.jobs.spec import checked_key
from core.queue.grid import look
from dashboard.figures.findings import ring_figure, shape_figure, spread_figure
from dashboard.grid.cells import View
from dashboard.grid.items import PLOTLY
from dashboard.grid.live import show_grid
from dashboard.links import GRID
from dashboard.session import get_queue, get_store, plain, show_error
from dashboard.views.attribution_findings import show_attributions
from dashboard.views.gallery import title
from dashboard.views.recent import COMPARE

STUDY, PICTURE = "study", "findings:picture"
LOOKED_AT = 200
ICONS = {"borne out": ":material/check_circle:", "not borne out": ":material/cancel:", "open": ":material/help:"}
COMMAND = "gazegrid study --networks NAME,NAME --data FOLDER --pictures 100"


def page() -> None:
    """What a study says of the networks, and what attributions are worth."""
    st.title("Findings", anchor=False)
    needed, attributed = st.tabs(["What networks need", "What attributions are worth"])
    with needed:
        _show_study()
    with attributed:
        show_attributions()


def _show_study() -> None:
    """A study, chosen or named by the address; or how one is made."""
    comparison = _chosen(_studies())
    if comparison is None:
        _without_study()
        return
    grid = look(comparison, get_store(), get_queue())
    done = sum(state.status == "done" for state in grid.cells)
    if done < len(grid.cells):
        st.info(f"{done:,} of {len(grid.cells):,} cells are computed; the numbers below are of these.")
    with st.spinner("Measuring what is left of each picture…"):
        found = _found(comparison.key, done)
    if found.pictures < LEAST_PICTURES:
        st.caption(f"The numbers are shown from {LEAST_PICTURES} pictures on that every network has done.")
        return
    _show(found)


def _show(found: Findings) -> None:
    _conclusions(found)
    _charts(found)
    _table(found)


def _studies() -> list[Comparison]:
    """The latest grids that can be measured."""
    found = []
    for key, _ in get_store().comparisons()[:LOOKED_AT]:
        try:
            comparison = get_store().comparison(key)
        except GazegridError:
            continue  # of another version: the page Compare says so
        if can_be_found(comparison):
            found.append(comparison)
    return found


def _chosen(studies: list[Comparison]) -> Comparison | None:
    named = st.query_params.get(STUDY)
    try:
        if named and named not in {study.key for study in studies}:
            studies = [get_store().comparison(checked_key(named)), *studies]
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
    """What came along with Gazegrid, if anything; and how a study of one's own is made."""
    found = bundled_findings()
    if found is None:
        _how_to_begin()
        return
    st.markdown(
        "Measured with the networks that come with Gazegrid, on held-out pictures of the data that they learned. "
        "The pictures did not come along, so that the points have no grid behind them here."
    )
    _show(found)
    with st.expander("Make a study of your own", icon=":material/add:"):
        _how_to_begin()


def _how_to_begin() -> None:
    st.markdown(
        "Over many pictures, what one cell shows becomes a number: how large the features are that a network needs, "
        "whether it looks at the border or at the center, whether it uses the whole shape of an object."
    )
    st.markdown(f"A study is a grid of at least {LEAST_PICTURES} pictures. Make one of a data set of your own:")
    st.code(COMMAND, language="bash")
    st.caption("Its cells are computed like all others, kept, and shown here and on the page Compare.")


@st.cache_resource(max_entries=8, show_spinner=False)
def _found(key: str, _done: int) -> Findings:
    """Measured once for each state of the grid."""
    return findings(get_store().comparison(key), get_store())


def _conclusions(found: Findings) -> None:
    st.caption(
        f"{found.pictures:,} pictures, {len(found.networks)} networks. In brackets: 95 % intervals of the bootstrap "
        "over pictures."
    )
    for conclusion in conclusions(found):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"{ICONS[conclusion.verdict]} **{plain(conclusion.claim)}** {conclusion.verdict.capitalize()}.")
            st.markdown(plain(conclusion.reason))
            st.caption(plain(conclusion.rule))


def _charts(found: Findings) -> None:
    spread = partial(spread_figure, found.networks, behind=found.comparison is not None)
    left, right = st.columns(2, gap="large")
    with left:
        _chart(
            "How large are the features that are left?",
            "Mean extent of connected edges, as a share of the width. A point a picture.",
            spread(_of("feature_size"), lambda n: n.feature_size, "Share of the width"),
            found.comparison,
        )
        _chart(
            "Of which sizes inside one picture?",
            "Octaves between the sizes below which a quarter and three quarters of the edge energy lie.",
            spread(lambda n: n.octaves, lambda n: n.size_spread, "Octaves"),
            found.comparison,
        )
        _chart(
            "Which wavelengths do their edges have?",
            "Mean wavelength by the radial spectrum of what is left, as a share of the width.",
            spread(_of("wavelength"), lambda n: n.wavelength, "Share of the width"),
            found.comparison,
        )
    with right:
        _chart(
            "Border or center?",
            "Share of the edges left in the outer half of the area, over the same share of the original.",
            spread(_of("border_weight"), lambda n: n.border_weight, "Against the original", log=True),
            found.comparison,
        )
        _chart("From the center to the border", "1 is as in the originals.", ring_figure(found.networks))
        _chart(
            "Does the shape matter?",
            "Pictures named right when they are cut into patches that are put together in another order.",
            shape_figure(found.networks),
        )


def _of(name: str) -> Callable[[NetworkFindings], dict[str, float]]:
    return lambda network: {digest: getattr(detail, name) for digest, detail in network.remaining.items()}


def _chart(heading: str, told: str, figure: go.Figure, behind: Comparison | None = None) -> None:
    """A chart; where it has a point for each picture of a grid, a click shows the picture's row under it."""
    st.markdown(f"**{heading}**")
    st.caption(told if behind is None else f"{told} Click a point for its row.")
    key = f"findings:{heading}"
    if behind is None:
        st.plotly_chart(figure, key=key, config=PLOTLY)
        return
    event = st.plotly_chart(figure, key=key, config=PLOTLY, on_select="rerun", selection_mode="points")
    points = [point["customdata"] for point in event.selection.points if point.get("customdata")]
    if points:
        _row(behind, points[0][1])


def _row(comparison: Comparison, digest: str) -> None:
    name = next((ref.name for ref in comparison.pictures if ref.digest == digest), "")
    with st.container(border=True):
        st.markdown(f"**{plain(picture_name(name))}**")
        show_grid(comparison, View(REMAINING, compact=True), live=False, part=lambda grid: grid.about(digest))
        st.page_link(
            COMPARE, label="Open the whole grid", icon=":material/open_in_full:", query_params={GRID: comparison.key}
        )


def _table(found: Findings) -> None:
    st.markdown("**All numbers**")
    rows = [
        {
            "Network": network_name(network.name),
            "Family": FAMILY_NAMES[network.family],
            "Feature size (of the width)": in_words(network.feature_size),
            "Wavelength (of the width)": in_words(network.wavelength),
            "Octaves of size": in_words(network.size_spread),
            "Border (against the original)": in_words(network.border_weight),
            **{
                f"Named right, {parts} x {parts}" if parts > 1 else "Named right": in_words(
                    network.accuracy(parts), "share"
                )
                for parts in (1, 2, 4, 8)
                if network.shuffled
            },
            "Pictures": formatted(len(network.remaining)),
        }
        for network in found.networks
    ]
    st.dataframe(rows, hide_index=True)


page()
