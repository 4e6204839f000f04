"""The panel for what learns: a method, what it learns from and by which networks' eyes, in what it differs; and Run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from core.display.wording import listed, question
from core.errors import BadInput
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, has_place, variants
from core.method_base.method import Method, field_extra, unchosen
from core.methods import METHODS
from core.presets import VARIED, VariedPreset
from dashboard.links import Draft
from dashboard.panel.datasets import choose_datasets, start_from_datasets
from dashboard.panel.form import Offered, field_label, method_fields, prefill
from dashboard.panel.networks import choose_networks, offered_by, start_from_networks
from dashboard.panel.pictures import choose_pictures, start_from_pictures
from dashboard.panel.results import trained_by
from dashboard.panel.run import SEED, choose_seed, drafted, run_button
from dashboard.session import get_store, plain, show_error

METHOD, PRESET, DIFFER = "learning:method", "learning:preset", "learning:differ"
VALUES_MAX = 12
"""Columns that one parameter can make."""


def learning_methods() -> list[str]:
    """The methods that learn, or apply what has learned: all whose rows are not pictures seen by networks."""
    return [name for name, method in METHODS.items() if not method.needs.grid and has_place(method)]


def start_from(draft: Draft) -> None:
    """Let the panel hold `draft`; call it before the panel is drawn."""
    start_from_pictures(draft.pictures)
    start_from_datasets(draft.datasets)
    start_from_networks(draft.networks)
    st.session_state[SEED] = draft.seed
    if draft.method is not None:
        _put((draft.method, *draft.beside))


def show_panel(top: Any, beside: Comparison | None = None) -> None:
    """The whole panel, for the grid `beside` it; Run is drawn in `top`."""
    st.markdown("**1 · Method**")
    cls = _choose_method()
    pictures, datasets = _choose_rows(cls)
    st.markdown(f"**{3 if cls.needs.dataset or cls.needs.pictures else 2} · Columns**")
    networks = choose_networks() if cls.needs.network else []
    try:
        methods, fault = _choose_variants(cls, networks), None
    except BadInput as error:
        methods, fault = (), error
    seed = choose_seed()
    with top:
        lacking = _lacking(cls, pictures, datasets, networks, methods)
        ready = methods and not lacking
        draft = drafted(lambda: _comparison(pictures, networks, methods, seed, datasets)) if ready else None
        cells = max(1, len(pictures) + len(datasets)) * max(1, len(networks)) * len(methods) if ready else 0
        run_button(draft, cells, lacking, beside)
        if fault is not None:
            show_error(fault)


def _comparison(
    pictures: Sequence[PictureRef],
    networks: Sequence[str],
    methods: tuple[Method, ...],
    seed: int,
    datasets: Sequence[DatasetRef],
) -> Comparison:
    return Comparison(tuple(pictures), tuple(networks), methods, seed, tuple(datasets))


def _choose_method() -> type[Method]:
    st.menu_button(
        "Start from a preset", VARIED, key=PRESET, on_click=_start_from_preset, format_func=_preset_label,
        icon=":material/lightbulb:", width="stretch",
    )  # fmt: skip
    names = learning_methods()
    st.session_state.setdefault(METHOD, names[0])
    name = st.selectbox(
        "Method", names, key=METHOD, format_func=lambda name: METHODS[name].title, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    asked, told = question(METHODS[name].summary)
    if asked:
        st.markdown(f"*{plain(asked)}*")
    st.caption(plain(told))
    return METHODS[name]


def _choose_rows(cls: type[Method]) -> tuple[Sequence[PictureRef], Sequence[DatasetRef]]:
    if cls.needs.dataset:
        st.markdown("**2 · Data sets**")
        return (), choose_datasets()
    if cls.needs.pictures:
        st.markdown("**2 · Pictures**")
        return choose_pictures(), ()
    return (), ()


def _lacking(
    cls: type[Method],
    pictures: Sequence[PictureRef],
    datasets: Sequence[DatasetRef],
    networks: Sequence[str],
    methods: Sequence[Method],
) -> str:
    needs = cls.needs
    asked = (
        ("a data set", needs.dataset, datasets), ("a picture", needs.pictures, pictures),
        ("a network", needs.network, networks),
    )  # fmt: skip
    rows = [what for what, needed, given in asked if needed and not given]
    return listed([*rows, *dict.fromkeys(what for method in methods for what in unchosen(method))])


def _preset_label(preset: VariedPreset) -> str:
    return f"{preset.question} :gray[{METHODS[preset.method].title} {preset.note}]"


def _start_from_preset() -> None:
    preset: VariedPreset = st.session_state[PRESET]
    _put(preset.made())


def _put(methods: Sequence[Method]) -> None:
    """Let the form hold the first of these, and differ in what they differ."""
    first = methods[0]
    st.session_state[METHOD] = first.name
    prefill(first)
    alike = [method for method in methods if type(method) is type(first)]
    changes = {name: _changes(alike, name) for name in can_differ(type(first))}
    differing = sorted((name for name, count in changes.items() if count), key=changes.__getitem__)
    st.session_state[DIFFER] = differing  # the first changes least often from column to column
    for name in differing:
        values = list(dict.fromkeys(getattr(method, name) for method in alike))
        listed = get_origin(type(first).model_fields[name].annotation) is Literal
        st.session_state[_key(first.name, name)] = values if listed else [_text(value) for value in values]


def _changes(methods: Sequence[Method], name: str) -> int:
    """How often a parameter changes from one to the next."""
    return sum(getattr(one, name) != getattr(after, name) for one, after in pairwise(methods))


def _key(method: str, name: str) -> str:
    return f"learning:values:{method}:{name}"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def can_differ(cls: type[Method]) -> list[str]:
    """The parameters that columns can differ in: choices, switches, numbers and results of other jobs."""
    kinds = (bool, int, float)
    return [
        name
        for name, field in cls.model_fields.items()
        if get_origin(field.annotation) is Literal
        or field.annotation in kinds
        or field_extra(field).get("choices") == "results"
    ]


def _choose_variants(cls: type[Method], networks: Sequence[str]) -> tuple[Method, ...]:
    """One method a column, or where networks are the columns, a row. Raises BadParameter."""
    fields = cls.model_fields
    st.session_state[DIFFER] = [name for name in st.session_state.get(DIFFER) or [] if name in can_differ(cls)]
    chosen = st.multiselect(
        "They differ in", can_differ(cls), key=DIFFER, format_func=lambda name: field_label(name, fields[name]),
        persist_state="session", placeholder="Nothing: one " + ("row each" if networks else "column"), select_all=False,
        help=f"Each value of these parameters makes a {'row' if networks else 'column'}; of several parameters, "
        "each combination does.",
    )  # fmt: skip
    varied = {name: _values(cls, name) for name in chosen}
    varied = {name: values for name, values in varied.items() if values}
    st.markdown("**The same in all of them**")
    offered = offered_by(networks) if cls.needs.network else Offered()
    offered = replace(offered, results=lambda method: trained_by(get_store(), method))
    return variants(cls, method_fields(cls, varied, offered=offered), varied)


def _values(cls: type[Method], name: str) -> list[Any]:
    """The values that the parameter shall have, one a column."""
    field = cls.model_fields[name]
    label, key = field_label(name, field), _key(cls.name, name)
    options = ["false", "true"] if field.annotation is bool else list(map(str, get_args(field.annotation)))
    if key not in st.session_state:
        st.session_state[key] = options or [_text(field.default)]
    free = not options
    return st.multiselect(
        label, list(dict.fromkeys((*options, *st.session_state[key]))), key=key, help=field.description,
        accept_new_options=free, persist_state="session", max_selections=VALUES_MAX, select_all=False,
        placeholder="Type a value, then press Enter" if free else "Choose",
    )  # fmt: skip
