"""Training curves of the networks that Gazegrid trained, and the details of one of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.display.wording import FAMILY_NAMES, compact_number, duration, formatted, listed
from core.findings.trained_networks import (
    TrainedNetwork,
    comparable,
    dataset_summary,
    hardest_sentence,
    recipe_lines,
    trained_networks,
    weights_sha256,
)
from core.media.file_names import comma_joined
from dashboard.figures.charts import COLORS, TrainingCurve, training_figure
from dashboard.grid.items import PLOTLY
from dashboard.grid.live import one_of
from dashboard.session import help_bubble, plain

COMPARE = "app_pages/compare.py"
AGAINST, ALSO, CARD = "against", "also", "card"
AXES = {"epochs": "Epochs", "minutes": "Minutes"}
TABLE_PX = 250


def show_training_curves() -> bool:
    """Draw the section. False, and nothing is drawn, if no network has a training record."""
    trained = trained_networks()
    if not trained:
        return False
    st.subheader("Training curves", anchor="training")
    chart, details = st.columns([3, 2], gap="large")
    with chart:
        _curves(trained)
    with details, st.container(border=True):
        _details(_select_network(trained))
    return True


def _curves(trained: Sequence[TrainedNetwork]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        minutes = one_of(AGAINST, "Horizontal axis", AXES) == "minutes"
        networks = _select_networks(trained)
    if not networks:
        st.caption("No network is selected.")
        return
    compared = {network.card.name for network in comparable(networks)}
    curves = [
        TrainingCurve(
            name=network.card.name,
            accuracy=network.record.accuracy,
            epoch_minutes=network.record.epoch_minutes,
            color=COLORS[index % len(COLORS)],
            dashed=network.card.name not in compared,
        )
        for index, network in enumerate(networks)
    ]
    st.plotly_chart(training_figure(curves, by_minutes=minutes), key="training:curves", config=PLOTLY)
    for remark in _remarks(networks, compared, minutes=minutes):
        st.markdown(plain(remark))
    if len(networks) > 1:
        _compare_link("Compare these networks", [network.card.name for network in networks])


def _select_networks(trained: Sequence[TrainedNetwork]) -> list[TrainedNetwork]:
    """The bundled networks and the selected local ones; initially all local ones if none is bundled."""
    local = [network.card.name for network in trained if network.card.name.startswith("local/")]
    bundled = [network.card.name for network in trained if network.card.name not in local]
    selected = st.pills(
        "Your networks", local, selection_mode="multi", default=None if bundled else local, format_func=plain, key=ALSO,
        bind="query-params",
        help="Networks trained here with `gazegrid train`. Only networks trained on the same data set are comparable.",
    ) if local else []  # fmt: skip
    return [network for network in trained if network.card.name in (*bundled, *selected)]


def _remarks(networks: Sequence[TrainedNetwork], compared: set[str], *, minutes: bool) -> list[str]:
    """Sentences about the chart: which network was hardest to train, and what is not comparable."""
    others = [network.card.name for network in networks if network.card.name not in compared]
    devices = sorted({network.record.device for network in networks})
    remarks = [hardest_sentence(networks)]
    if others:
        remarks.append(f"Dashed: {listed(others)}, trained on other data and not comparable with the rest.")
    if minutes and len(devices) > 1:
        remarks.append(f"Training ran on different devices ({listed(devices)}): minutes are not comparable.")
    return [remark for remark in remarks if remark]


def _select_network(trained: Sequence[TrainedNetwork]) -> TrainedNetwork:
    """The network whose details are open, part of the address."""
    networks = {network.card.name: network for network in trained}
    name = st.selectbox("Details of", list(networks), key=CARD, bind="query-params")
    return networks.get(name, trained[0])


def _details(network: TrainedNetwork) -> None:
    card, record = network.card, network.record
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.metric("Top-1", formatted(record.metrics.top1, "share"), help=help_bubble("Top-1"), width="content")
        st.metric("Parameters", compact_number(card.parameters), width="content")
        time_help = f"{record.seconds:,.0f} s of computing"
        st.metric("Training time", duration(record.seconds), help=time_help, width="content")
        st.metric("Device", record.device, width="content")
    facts = (FAMILY_NAMES[card.family], dataset_summary(record), f"seed {record.seed}", f"license {card.license}")
    st.caption(plain(" · ".join(facts)))
    _compare_link("Open in Compare", [card.name])
    confusions, recipe, origin = st.tabs(["Confusions", "Recipe", "Origin"])
    with confusions:
        _confusions(network)
    with recipe:
        columns = ("Parameter", "Value", "Description")
        lines = [dict(zip(columns, line, strict=True)) for line in recipe_lines(record.parameters)]
        st.dataframe(lines, hide_index=True, height=TABLE_PX, alt=f"Recipe of {card.name}")
    with origin:
        _origin(network)


def _compare_link(label: str, networks: Sequence[str]) -> None:
    """A link to the page Compare with these networks selected."""
    st.page_link(COMPARE, label=label, icon=":material/grid_view:", query_params={"networks": comma_joined(networks)})


def _confusions(network: TrainedNetwork) -> None:
    """The most frequent confusions on the validation images."""
    columns = ("True class", "Predicted as", "Errors", "Images")
    rows = [dict(zip(columns, confusion, strict=True)) for confusion in network.record.confusions]
    if rows:
        st.dataframe(rows, hide_index=True, height=TABLE_PX, alt=f"Most frequent confusions of {network.card.name}")
    else:
        st.caption("No errors on the validation images.")


def _origin(network: TrainedNetwork) -> None:
    """Hashes that identify the weights, the data set and the training job, and the versions of the software."""
    record = network.record
    digests = {
        "SHA-256 of the weights": weights_sha256(network.card.name),
        "Digest of the data set": record.dataset.digest,
        "Key of the training job": record.key,
    }
    for label, digest in digests.items():
        st.caption(label)
        st.code(digest, language=None, wrap_lines=True)
    st.caption(plain(" · ".join(f"{name} {version}" for name, version in record.versions.items())))
