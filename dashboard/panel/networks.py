"""The networks of a comparison, and what they have in common: classes and layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.display.wording import FAMILY_NAMES, listed, network_facts, network_name
from core.networks.card import FAMILIES, NetworkCard
from core.networks.catalog import all_cards, get_card, search
from core.networks.layers import SharedLayer, layers_of, shared_layers
from core.presets import DEFAULT_NETWORKS
from dashboard.components import chosen_list
from dashboard.panel.form import Offered

NETWORKS, ADDED, REMOVED = "compare:networks", "compare:added", "compare:removed"
CLASS_OPTIONS_MAX = 20_000


def start_from_networks(networks: Sequence[str]) -> None:
    """Let these be chosen; of none, those that come with Gazegrid."""
    st.session_state[NETWORKS] = list(networks or DEFAULT_NETWORKS)


def choose_networks() -> list[str]:
    """The chosen ones, a search for more, and a table of all."""
    chosen: list[str] = st.session_state.setdefault(NETWORKS, list(DEFAULT_NETWORKS))
    families = st.pills(
        "Families", FAMILIES, selection_mode="multi", format_func=FAMILY_NAMES.__getitem__,
        key="compare:families", label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    found = {card.name: card for card in search("", tuple(families or ())) if card.name not in chosen}
    st.selectbox(
        "Add a network", list(found), index=None, key=ADDED, on_change=_add_selected,
        format_func=lambda name: f"{name} · {network_facts(found[name])}" if name in found else name,
        placeholder=f"Search {len(found):,} networks to add", label_visibility="collapsed",
    )  # fmt: skip
    if chosen:
        chosen_list([_chosen_line(get_card(name)) for name in chosen], key=REMOVED, on_remove=_remove_clicked)
    if st.button("Browse all networks", icon=":material/table_rows:", type="tertiary"):
        _browse()
    return chosen


def _chosen_line(card: NetworkCard) -> dict[str, Any]:
    return {
        "id": card.name,
        "title": network_name(card.name),
        "facts": f"{network_facts(card)} · license {card.license}",
        "note": "random weights" if card.random_weights else None,
    }


def _add_selected() -> None:
    add_networks([st.session_state[ADDED]])
    st.session_state[ADDED] = None


def _remove_clicked() -> None:
    removed = st.session_state[REMOVED].get("removed")
    st.session_state[NETWORKS] = [name for name in st.session_state.get(NETWORKS, []) if name != removed]


def add_networks(names: Sequence[str]) -> None:
    """Take these into the comparison, behind those that are there."""
    known = [name for name in names if name]
    st.session_state[NETWORKS] = list(dict.fromkeys((*st.session_state.get(NETWORKS, []), *known)))


@st.dialog("Networks", width="large", icon=":material/hub:")
def _browse() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="browse:text", type="search", live=True, placeholder="resnet, patch16, lite…"
        )
        families = st.segmented_control(
            "Family", FAMILIES, selection_mode="multi", format_func=FAMILY_NAMES.__getitem__, key="browse:families"
        )
    cards = search(text or "", tuple(families or FAMILIES))
    st.caption(f"{len(cards):,} networks. Mark the rows to compare.")
    event: Any = st.dataframe(
        [_network_row(card) for card in cards], hide_index=True, height=430, on_select="rerun",
        selection_mode="multi-row", key=f"browse:table:{text}:{families}",
        column_config={"Parameters (M)": st.column_config.NumberColumn(format="%.1f")},
    )  # fmt: skip
    marked = [cards[row].name for row in event.selection.rows]
    if st.button(f"Add {len(marked)} to the comparison" if marked else "Add", type="primary", disabled=not marked):
        add_networks(marked)
        st.rerun()


def _network_row(card: NetworkCard) -> dict[str, Any]:
    return {
        "Network": card.name,
        "Family": FAMILY_NAMES[card.family],
        "Parameters (M)": card.parameters / 1e6,
        "Input (px)": card.input_px[0],
        "Classes": len(card.class_names),
        "License": card.license,
        "Weights": "random" if card.random_weights else card.source,
    }


def offered_by(networks: Sequence[str]) -> Offered:
    """The classes of the chosen networks; these networks, and behind them all others that can be listed."""
    names = (card.name for card in all_cards())
    layers, no_layers = layers_in_common(networks)
    return Offered(class_names(networks), list(dict.fromkeys((*networks, *names))), layers, no_layers)


def layers_in_common(networks: Sequence[str]) -> tuple[list[SharedLayer], str]:
    """The layers that all chosen networks have; where there are none, why, in a sentence."""
    if not networks:
        return [], "Choose networks first: the layers that they have in common are then listed here."
    known = {name: layers_of(get_card(name)) for name in networks}
    if unknown := [network_name(name) for name, layers in known.items() if not layers]:
        return [], f"The layers of {listed(unknown)} are listed here once a first cell has been computed."
    shared = shared_layers(list(known.values()))
    return shared, "" if shared else "These networks have no layer name in common: depth compares across networks."


def class_names(networks: Sequence[str]) -> list[str]:
    """The classes of the chosen networks, each once, in the order of the first network that has it."""
    names = dict.fromkeys(label for name in networks for label in get_card(name).class_names)
    return list(names)[:CLASS_OPTIONS_MAX]
