"""The panel for looking through networks: pictures, networks, a method with its parameters; and Run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.display.wording import question
from core.errors import BadInput
from core.jobs.comparison import Comparison, asked_alike
from core.method_base.method import Method
from core.methods import METHODS, make_method
from core.presets import DEFAULT_METHOD, DEFAULT_NETWORKS, PRESETS, Preset
from dashboard.links import Draft, picture_ref
from dashboard.panel.form import method_form, prefill
from dashboard.panel.networks import NETWORKS, choose_networks, offered_by, start_from_networks
from dashboard.panel.pictures import PICTURES, choose_pictures, start_from_pictures
from dashboard.panel.run import SEED, choose_seed, drafted, run_button
from dashboard.session import get_store, plain, show_error

METHOD, PRESET = "compare:method", "compare:preset"
BESIDE, BESIDE_AS = "compare:beside", "compare:beside_as"
"""Names of the methods beside the one of the form; and those that do not start from their defaults, by name."""


def start_from(draft: Draft) -> None:
    """Let the panel hold `draft`; call it before the panel is drawn."""
    start_from_pictures(draft.pictures)
    start_from_networks(draft.networks)
    st.session_state[SEED] = draft.seed
    if draft.method is not None:
        st.session_state[METHOD] = draft.method.name
        prefill(draft.method)
    if draft.method is not None or draft.beside:
        _put_beside(draft.beside)


def show_panel(top: Any, beside: Comparison | None = None) -> None:
    """The panel for the grid `beside` it; Run is drawn in `top`."""
    st.markdown("**1 · Pictures**")
    pictures = choose_pictures()
    st.markdown("**2 · Networks**")
    networks = choose_networks()
    st.markdown("**3 · Method**")
    methods, fault = _choose_methods(networks)
    seed = choose_seed()
    with top:
        lacking = " and ".join(what for what, given in (("a picture", pictures), ("a network", networks)) if not given)
        ready = methods and not lacking
        draft = drafted(lambda: Comparison(tuple(pictures), tuple(networks), methods, seed)) if ready else None
        run_button(draft, len(pictures) * len(networks) * max(1, len(methods)), lacking, beside)
        if fault is not None:  # up here it is in sight, whichever field it is about
            show_error(fault)


def _choose_methods(networks: Sequence[str]) -> tuple[tuple[Method, ...], BadInput | None]:
    """The method of the form and those beside it; or none, and why what the form says is none yet."""
    st.menu_button(
        "Start from a preset", PRESETS, key=PRESET, on_click=_start_from_preset, format_func=_preset_label,
        icon=":material/lightbulb:", width="stretch",
    )  # fmt: skip
    names = [name for name, method in METHODS.items() if method.needs.grid]
    st.session_state.setdefault(METHOD, DEFAULT_METHOD if DEFAULT_METHOD in METHODS else names[0])
    name = st.selectbox(
        "Method", names, key=METHOD, format_func=lambda name: METHODS[name].title, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    asked, told = question(METHODS[name].summary)
    if asked:
        st.markdown(f"*{plain(asked)}*")
    st.caption(plain(told))
    others = _beside([other for other in names if other != name])
    try:
        return asked_alike(method_form(METHODS[name], offered=offered_by(networks)), others), None
    except BadInput as error:
        return (), error


def _beside(names: Sequence[str]) -> list[Method]:
    """The methods that are to stand beside the one of the form, before they are asked the same."""
    st.session_state[BESIDE] = [name for name in st.session_state.get(BESIDE) or [] if name in names]
    chosen = st.multiselect(
        "Beside it", names, key=BESIDE, format_func=lambda name: METHODS[name].title, persist_state="session",
        placeholder="Other methods, for the same question", select_all=False,
        help="Each gets rows of its own. It explains the same class, channel or neuron where it can be asked for one, "
        "and its other parameters keep their defaults.",
    )  # fmt: skip
    kept: dict[str, Method] = st.session_state.get(BESIDE_AS, {})
    return [kept.get(name) or make_method(name, {}) for name in chosen]


def _put_beside(methods: Sequence[Method]) -> None:
    st.session_state[BESIDE] = list(dict.fromkeys(method.name for method in methods))
    st.session_state[BESIDE_AS] = {method.name: method for method in reversed(methods)}


def _preset_label(preset: Preset) -> str:
    told = f"{METHODS[preset.method].title} {preset.note}".rstrip()
    return f"{preset.question} :gray[{told}]"


def _start_from_preset() -> None:
    """Method and parameters of the question; the form shows them, and all can be changed."""
    preset: Preset = st.session_state[PRESET]
    st.session_state[METHOD] = preset.method
    prefill(preset.made(st.session_state.get(NETWORKS, [])))
    _put_beside([make_method(name, {}) for name in preset.beside])
    if preset.networks and (st.session_state.get(NETWORKS) or list(DEFAULT_NETWORKS)) == list(DEFAULT_NETWORKS):
        st.session_state[NETWORKS] = list(preset.networks)  # nothing else was chosen
    if preset.pictures and not st.session_state.get(PICTURES):
        start_from_pictures([picture_ref(source, get_store()) for source in preset.pictures])
