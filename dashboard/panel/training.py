"""The panel Train: a method that is trained (or applies a trained model), its inputs, and the parameters that vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from core.errors import BadInput
from core.jobs.comparison import Comparison, DatasetRef, PictureRef, has_visual_output, variants
from core.method_base.method import Method, field_extra
from core.methods import METHODS
from core.presets import VARIED, VariedPreset
from dashboard.links import Draft
from dashboard.panel.datasets import choose_datasets, start_from_datasets
from dashboard.panel.form import FormOptions, field_label, method_fields
from dashboard.panel.methods import choose_method, start_from_method
from dashboard.panel.networks import choose_networks, form_options, start_from_networks
from dashboard.panel.pictures import choose_pictures, start_from_pictures
from dashboard.panel.results import trained_by
from dashboard.panel.run import SEED, Selection, choose_seed, show_run
from dashboard.session import get_store, help_bubble

PANEL, VARY = "train", "train:vary"
MAX_VALUES = 12
"""Values of one varied parameter."""


def training_methods() -> list[str]:
    """The names of the methods that are trained or apply a trained model: all whose grid is not pictures x networks."""
    return [name for name, method in METHODS.items() if not method.needs.grid and has_visual_output(method)]


def start_from(draft: Draft) -> None:
    """Put `draft` into the panel; call it before the panel is drawn."""
    start_from_pictures(draft.pictures)
    start_from_datasets(draft.datasets)
    start_from_networks(draft.networks)
    st.session_state[SEED] = draft.seed
    if draft.method is not None:
        _start_from_variants((draft.method, *draft.also))


def show_panel(top: Any, displayed: Comparison | None = None) -> None:
    """The panel beside the `displayed` comparison; Run is drawn in `top`."""
    st.markdown("**1 · Method**")
    names = training_methods()
    cls = choose_method(PANEL, names, names[0], VARIED, _start_from_preset)
    pictures, datasets = _choose_rows(cls)
    st.markdown(f"**{3 if cls.needs.dataset or cls.needs.pictures else 2} · Columns**")
    networks = choose_networks() if cls.needs.network else []
    try:
        methods, fault = _choose_variants(cls, networks), None
    except BadInput as error:
        methods, fault = (), error
    selection = Selection(cls.needs, methods, fault, pictures, datasets, networks)
    show_run(top, selection, choose_seed(), displayed)


def _choose_rows(cls: type[Method]) -> tuple[Sequence[PictureRef], Sequence[DatasetRef]]:
    """The selected pictures and data sets, of which a method takes one kind or none."""
    if cls.needs.dataset:
        st.markdown("**2 · Data sets**")
        return (), choose_datasets()
    if cls.needs.pictures:
        st.markdown("**2 · Pictures**")
        return choose_pictures(), ()
    return (), ()


def _start_from_preset(preset: VariedPreset) -> None:
    _start_from_variants(preset.build())


def _start_from_variants(methods: Sequence[Method]) -> None:
    """Put the first variant into the form, and vary the parameters in which the variants differ."""
    first = methods[0]
    start_from_method(PANEL, first)
    same_class = [method for method in methods if type(method) is type(first)]
    changes = {name: _changes(same_class, name) for name in can_vary(type(first))}
    varied = sorted((name for name, count in changes.items() if count), key=changes.__getitem__)
    st.session_state[VARY] = varied  # the first one changes least often from column to column
    for name in varied:
        values = list(dict.fromkeys(getattr(method, name) for method in same_class))
        is_choice = get_origin(type(first).model_fields[name].annotation) is Literal
        st.session_state[_key(first.name, name)] = values if is_choice else [_text(value) for value in values]


def _changes(methods: Sequence[Method], name: str) -> int:
    """How often a parameter changes from one variant to the next."""
    return sum(getattr(method, name) != getattr(following, name) for method, following in pairwise(methods))


def _key(method: str, name: str) -> str:
    return f"train:values:{method}:{name}"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def can_vary(cls: type[Method]) -> list[str]:
    """The parameters that can vary: choices, switches, numbers and results of other jobs."""
    kinds = (bool, int, float)
    return [
        name
        for name, field in cls.model_fields.items()
        if get_origin(field.annotation) is Literal
        or field.annotation in kinds
        or field_extra(field).get("choices") == "results"
    ]


def _choose_variants(cls: type[Method], networks: Sequence[str]) -> tuple[Method, ...]:
    """The variants: one per column, or one per row if networks are the columns. Raises BadParameter."""
    fields = cls.model_fields
    st.session_state[VARY] = [name for name in st.session_state.get(VARY) or [] if name in can_vary(cls)]
    axis = "row" if networks else "column"
    selected = st.multiselect(
        "Vary", can_vary(cls), key=VARY, format_func=lambda name: field_label(name, fields[name]),
        persist_state="session", placeholder=f"Nothing: a single {axis}", select_all=False,
        help=f"Each value of these parameters makes a {axis}; with several parameters, each combination does.",
    )  # fmt: skip
    varied = {name: _values(cls, name) for name in selected}
    varied = {name: values for name, values in varied.items() if values}
    st.markdown("**Shared parameters**")
    options = form_options(networks) if cls.needs.network else FormOptions()
    options = replace(options, results=lambda method: trained_by(get_store(), method))
    return variants(cls, method_fields(cls, varied, options=options), varied)


def _values(cls: type[Method], name: str) -> list[Any]:
    """The selected values of a varied parameter, as text."""
    field = cls.model_fields[name]
    label, key = field_label(name, field), _key(cls.name, name)
    choices = ["false", "true"] if field.annotation is bool else list(map(str, get_args(field.annotation)))
    if key not in st.session_state:
        st.session_state[key] = choices or [_text(field.default)]
    is_free = not choices
    return st.multiselect(
        label, list(dict.fromkeys((*choices, *st.session_state[key]))), key=key,
        help=help_bubble(label, field.description or ""), accept_new_options=is_free, persist_state="session",
        max_selections=MAX_VALUES, select_all=False,
        placeholder="Type a value, then press Enter" if is_free else "Select",
    )  # fmt: skip
