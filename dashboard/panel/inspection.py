"""The panel Inspect: pictures, trained networks, and methods with their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import BadInput
from core.jobs.comparison import Comparison, with_shared_parameters
from core.method_base.method import Method
from core.methods import METHODS, make_method
from core.presets import DEFAULT_METHOD, DEFAULT_NETWORKS, PRESETS, Preset
from dashboard.links import Draft, picture_ref
from dashboard.panel.form import method_form
from dashboard.panel.methods import choose_method, start_from_method
from dashboard.panel.networks import NETWORKS, choose_networks, form_options, start_from_networks
from dashboard.panel.pictures import PICTURES, choose_pictures, start_from_pictures
from dashboard.panel.run import SEED, Selection, choose_seed, show_run
from dashboard.session import get_store

PANEL = "inspect"
ALSO, ALSO_CHANGED = "inspect:also", "inspect:also_changed"
"""Names of the further methods; and those of them that do not start from their defaults, by name."""


def start_from(draft: Draft) -> None:
    """Put `draft` into the panel; call it before the panel is drawn."""
    start_from_pictures(draft.pictures)
    start_from_networks(draft.networks)
    st.session_state[SEED] = draft.seed
    if draft.method is not None:
        start_from_method(PANEL, draft.method)
    if draft.method is not None or draft.also:
        _start_from_others(draft.also)


def show_panel(top: Any, displayed: Comparison | None = None) -> None:
    """The panel beside the `displayed` comparison; Run is drawn in `top`."""
    st.markdown("**1 · Pictures**")
    pictures = choose_pictures()
    st.markdown("**2 · Networks**")
    networks = choose_networks()
    st.markdown("**3 · Method**")
    names = [name for name, method in METHODS.items() if method.needs.grid]
    cls = choose_method(PANEL, names, DEFAULT_METHOD, PRESETS, _start_from_preset)
    also = _choose_others([name for name in names if name != cls.name])
    try:
        methods, fault = with_shared_parameters(method_form(cls, options=form_options(networks)), also), None
    except BadInput as error:
        methods, fault = (), error
    selection = Selection(cls.needs, methods, fault, pictures, (), networks)
    show_run(top, selection, choose_seed(), displayed)


def _choose_others(names: Sequence[str]) -> list[Method]:
    """The further methods, before they take over the shared parameters of the form."""
    st.session_state[ALSO] = [name for name in st.session_state.get(ALSO) or [] if name in names]
    selected = st.multiselect(
        "Also compare", names, key=ALSO, format_func=lambda name: METHODS[name].title, persist_state="session",
        placeholder="Further methods", select_all=False,
        help="Each method gets rows of its own. Parameters that it shares with the form, such as class, channel or "
        "neuron, have the values of the form; all others keep their defaults.",
    )  # fmt: skip
    changed: dict[str, Method] = st.session_state.get(ALSO_CHANGED, {})
    return [changed.get(name) or make_method(name, {}) for name in selected]


def _start_from_others(methods: Sequence[Method]) -> None:
    st.session_state[ALSO] = list(dict.fromkeys(method.name for method in methods))
    st.session_state[ALSO_CHANGED] = {method.name: method for method in reversed(methods)}


def _start_from_preset(preset: Preset) -> None:
    """Put the methods of the preset into the form, and its pictures and networks where none are selected."""
    start_from_method(PANEL, preset.build(st.session_state.get(NETWORKS, [])))
    _start_from_others([make_method(name, {}) for name in preset.also_compare])
    if preset.networks and (st.session_state.get(NETWORKS) or list(DEFAULT_NETWORKS)) == list(DEFAULT_NETWORKS):
        st.session_state[NETWORKS] = list(preset.networks)
    if preset.pictures and not st.session_state.get(PICTURES):
        start_from_pictures([picture_ref(source, get_store()) for source in preset.pictures])
