"""How the networks learned that Gazegrid trained: their curves in one chart, and a card for one of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.display.wording import FAMILY_NAMES, counted, duration, formatted, listed
from core.findings.trained_networks import (
    Trained,
    comparable,
    data_words,
    hardest_sentence,
    recipe_lines,
    trained_networks,
    weights_sha256,
)
from dashboard.figures.charts import COLORS, LearningCurve, learning_figure
from dashboard.grid.items import PLOTLY
from dashboard.grid.live import one_of
from dashboard.session import plain

COMPARE = "app_pages/compare.py"
AGAINST, ALSO, CARD = "against", "also", "card"
AXES = {"epochs": "Epochs", "minutes": "Minutes"}
TABLE_PX = 250


def show_learning() -> bool:
    """The whole section; nothing, and False, where no network has a record."""
    trained = trained_networks()
    if not trained:
        return False
    st.subheader("How they learned", anchor="learning")
    chart, card = st.columns([3, 2], gap="large")
    with chart:
        _curves(trained)
    with card, st.container(border=True):
        _card(_one(trained))
    return True


def _curves(trained: Sequence[Trained]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        minutes = one_of(AGAINST, "Accuracy against", AXES) == "minutes"
        shown = _shown(trained)
    if not shown:
        st.caption("No network is chosen.")
        return
    compared = {network.card.name for network in comparable(shown)}
    curves = [
        LearningCurve(
            name=network.card.name,
            accuracy=network.record.accuracy,
            epoch_minutes=network.record.epoch_minutes,
            color=COLORS[index % len(COLORS)],
            dashed=network.card.name not in compared,
        )
        for index, network in enumerate(shown)
    ]
    st.plotly_chart(learning_figure(curves, by_minutes=minutes), key="learning:curves", config=PLOTLY)
    for sentence in _said(shown, compared, minutes=minutes):
        st.markdown(plain(sentence))
    if len(shown) > 1:
        _compare_link("Compare these networks", [network.card.name for network in shown])


def _shown(trained: Sequence[Trained]) -> list[Trained]:
    """The bundled networks, and of the local ones those that are chosen: all, where none is bundled."""
    local = [network.card.name for network in trained if network.card.name.startswith("local/")]
    bundled = [network.card.name for network in trained if network.card.name not in local]
    chosen = st.pills(
        "Your own", local, selection_mode="multi", default=None if bundled else local, format_func=plain, key=ALSO,
        bind="query-params",
        help="Networks that `gazegrid train` trained here. Only those that learned the same pictures can be compared.",
    ) if local else []  # fmt: skip
    return [network for network in trained if network.card.name in (*bundled, *chosen)]


def _said(shown: Sequence[Trained], compared: set[str], *, minutes: bool) -> list[str]:
    """What the chart shows, and what it does not."""
    others = listed([network.card.name for network in shown if network.card.name not in compared])
    devices = listed(sorted({network.record.device for network in shown}))
    sentences = [hardest_sentence(shown)]
    if others:
        sentences.append(
            f"Dashed: {others} learned from other pictures, so that they cannot be compared with the rest."
        )
    if minutes and " and " in devices:
        sentences.append(f"They were trained on different devices, {devices}: their minutes cannot be compared.")
    return [sentence for sentence in sentences if sentence]


def _one(trained: Sequence[Trained]) -> Trained:
    """The network whose card is open; it is part of the address."""
    networks = {network.card.name: network for network in trained}
    name = st.selectbox("Card of", list(networks), key=CARD, bind="query-params")
    return networks.get(name, trained[0])


def _card(network: Trained) -> None:
    card, record = network.card, network.record
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.metric("Top-1", formatted(record.metrics.top1, "share"), width="content")
        st.metric("Parameters", counted(card.parameters), width="content")
        st.metric("Trained in", duration(record.seconds), help=f"{record.seconds:,.0f} s of computing", width="content")
        st.metric("On", record.device, width="content")
    facts = (FAMILY_NAMES[card.family], data_words(record), f"seed {record.seed}", f"license {card.license}")
    st.caption(plain(" · ".join(facts)))
    _compare_link("Compare with it", [card.name])
    confusions, recipe, origin = st.tabs(["Confusions", "Recipe", "Origin"])
    with confusions:
        _confusions(network)
    with recipe:
        columns = ("Parameter", "Value", "What it does")
        lines = [dict(zip(columns, line, strict=True)) for line in recipe_lines(record.parameters)]
        st.dataframe(lines, hide_index=True, height=TABLE_PX, alt=f"Recipe of {card.name}")
    with origin:
        _origin(network)


def _compare_link(label: str, networks: Sequence[str]) -> None:
    """To the page Compare with these networks chosen."""
    st.page_link(COMPARE, label=label, icon=":material/grid_view:", query_params={"networks": ",".join(networks)})


def _confusions(network: Trained) -> None:
    """What it takes for what most often."""
    rows = [
        {"Picture of": wrong.picture_of, "Taken for": wrong.taken_for, "Times": wrong.times, "Of": wrong.of}
        for wrong in network.record.confusions
    ]
    if rows:
        st.dataframe(rows, hide_index=True, height=TABLE_PX, alt=f"Worst confusions of {network.card.name}")
    else:
        st.caption("It names every held-out picture right.")


def _origin(network: Trained) -> None:
    """What tells these weights from any others."""
    record = network.record
    digests = {
        "SHA-256 of the weights": weights_sha256(network.card.name),
        "Digest of the data set": record.dataset.digest,
        "Key of the training": record.key,
    }
    for label, digest in digests.items():
        st.caption(label)
        st.code(digest, language=None, wrap_lines=True)
    st.caption(plain(" · ".join(f"{name} {version}" for name, version in record.versions.items())))
