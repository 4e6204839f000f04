"""The networks of a comparison, and the classes and layers that the form offers for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.display.glossary import help_text
from core.display.wording import FAMILY_NAMES, listed, network_facts, network_name, network_names, quantity
from core.networks.card import FAMILIES, NetworkCard
from core.networks.catalog import all_cards, get_card, search
from core.networks.layers import SharedLayer, layers_of, shared_layers
from core.presets import DEFAULT_NETWORKS
from dashboard.components import selection_list
from dashboard.panel.form import FormOptions

NETWORKS, ADDED, REMOVED = "compare:networks", "compare:added", "compare:removed"
MAX_CLASSES = 20_000


def start_from_networks(networks: Sequence[str]) -> None:
    """Select these networks, or the bundled ones if there are none."""
    st.session_state[NETWORKS] = list(networks or DEFAULT_NETWORKS)


def choose_networks() -> list[str]:
    """The selected networks; with a search for more, and a table of all."""
    selected: list[str] = st.session_state.setdefault(NETWORKS, list(DEFAULT_NETWORKS))
    families = st.pills(
        "Families", FAMILIES, selection_mode="multi", format_func=FAMILY_NAMES.__getitem__,
        key="compare:families", label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    matches = {card.name: card for card in search("", tuple(families or ())) if card.name not in selected}
    st.selectbox(
        "Add a network", list(matches), index=None, key=ADDED, on_change=_add_selected,
        format_func=lambda name: f"{name} · {network_facts(matches[name])}" if name in matches else name,
        placeholder=f"Search {len(matches):,} networks to add", label_visibility="collapsed",
    )  # fmt: skip
    if selected:
        titles = network_names(selected)
        selection_list(
            [_selected_line(get_card(name), titles[name]) for name in selected], key=REMOVED, on_remove=_remove_clicked
        )
    if st.button("Browse all networks", icon=":material/table_rows:", type="tertiary"):
        _browse()
    return selected


def _selected_line(card: NetworkCard, title: str) -> dict[str, Any]:
    return {
        "id": card.name,
        "title": title,
        "facts": f"{network_facts(card)} · license {card.license}",
        "note": "random weights" if card.random_weights else None,
        "help": help_text(f"{network_name(card.name)} {FAMILY_NAMES[card.family]}"),
    }


def _add_selected() -> None:
    add_networks([st.session_state[ADDED]])
    st.session_state[ADDED] = None


def _remove_clicked() -> None:
    removed = st.session_state[REMOVED].get("removed")
    st.session_state[NETWORKS] = [name for name in st.session_state.get(NETWORKS, []) if name != removed]


def add_networks(names: Sequence[str]) -> None:
    """Append these networks to the selected ones."""
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
    st.caption(f"{quantity(len(cards), 'network')}. Select the rows to add.")
    event: Any = st.dataframe(
        [_network_row(card) for card in cards], hide_index=True, height=430, on_select="rerun",
        selection_mode="multi-row", key=f"browse:table:{text}:{families}",
        column_config={"Parameters (M)": st.column_config.NumberColumn(format="%.1f")},
    )  # fmt: skip
    selected = [cards[row].name for row in event.selection.rows]
    if st.button(
        f"Add {len(selected)} to the comparison" if selected else "Add", type="primary", disabled=not selected
    ):
        add_networks(selected)
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


def form_options(networks: Sequence[str]) -> FormOptions:
    """The options of the form: classes and common layers of these networks, and all networks, these first."""
    names = (card.name for card in all_cards())
    layers, no_layers = common_layers(networks)
    return FormOptions(class_names(networks), list(dict.fromkeys((*networks, *names))), layers, no_layers)


def common_layers(networks: Sequence[str]) -> tuple[list[SharedLayer], str]:
    """The layers that all these networks have; without any, the reason in a sentence."""
    if not networks:
        return [], "Select networks first: the layers that they share are then listed here."
    known = {name: layers_of(get_card(name)) for name in networks}
    titles = network_names(networks)
    if unknown := [titles[name] for name, layers in known.items() if not layers]:
        return [], f"The layers of {listed(unknown)} are listed here once a first cell is computed."
    shared = shared_layers(list(known.values()))
    return shared, "" if shared else "These networks share no layer name: choose the layer by depth instead."


def class_names(networks: Sequence[str]) -> list[str]:
    """The classes of these networks, each once, in the order of the first network that has it."""
    names = dict.fromkeys(label for name in networks for label in get_card(name).class_names)
    return list(names)[:MAX_CLASSES]
