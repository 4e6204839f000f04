"""The method of a panel: presets to start from, a list of methods, and the question that the method answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from core.display.wording import question
from core.method_base.method import Method
from core.methods import METHODS
from core.presets import Preset, VariedPreset
from dashboard.panel.form import prefill
from dashboard.session import plain

AnyPreset = TypeVar("AnyPreset", Preset, VariedPreset)


def start_from_method(panel: str, method: Method) -> None:
    """Select the method, with its parameters in the form. `panel`: a name for the keys of the session."""
    st.session_state[f"{panel}:method"] = method.name
    prefill(method)


def choose_method(
    panel: str, names: Sequence[str], default: str, presets: Sequence[AnyPreset], apply: Callable[[AnyPreset], None]
) -> type[Method]:
    """The selected one of the methods `names`. `apply` puts a preset into the panel."""
    preset_key, key = f"{panel}:preset", f"{panel}:method"
    st.menu_button(
        "Start from a preset", presets, key=preset_key, on_click=lambda: apply(st.session_state[preset_key]),
        format_func=_preset_label, icon=":material/lightbulb:", width="stretch",
    )  # fmt: skip
    st.session_state.setdefault(key, default)
    name = st.selectbox(
        "Method", names, key=key, format_func=lambda name: METHODS[name].title, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    method = METHODS[name]
    headline, description = question(method.summary)
    if headline:
        st.markdown(f"*{plain(headline)}*")
    st.caption(plain(description))
    return method


def _preset_label(preset: Preset | VariedPreset) -> str:
    details = f"{METHODS[preset.method].title} {preset.note}".rstrip()
    return f"{preset.question} :gray[{details}]"
