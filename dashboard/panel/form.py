"""A validated method out of widgets that are made from its class: one widget a field, chosen by the field's type.

What a field is called, allowed and measured in, and when it matters, is written once, in the method's file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.jobs.comparison import combinations
from core.media.samples import shipped_styles
from core.method_base.class_weights import MAX_WEIGHT
from core.method_base.method import REGION, Choices, Method, field_bounds, field_extra, matters, validated
from core.networks.layers import SharedLayer
from dashboard.panel.pictures import picture_field
from dashboard.panel.regions import region_field
from dashboard.panel.videos import video_field
from dashboard.session import plain

SEGMENTS_MAX = 4
"""Choices up to here are shown all at once; more of them go into a list."""
NO_CLASS = {"class": "What the network itself says", "contrast class": "No other class"}
"""What an empty choice of a class means."""


@dataclass(frozen=True)
class Offered:
    """What the form can offer beside what the method's class says: names of classes and of networks, likely first."""

    classes: Sequence[str] = ()
    networks: Sequence[str] = ()
    layers: Sequence[SharedLayer] = ()
    """Those that all chosen networks have, in order of depth."""
    no_layers: str = ""
    """Why there are none, in a sentence."""
    results: Callable[[str], Mapping[str, str]] = lambda _: {}
    """Of a method by name, what it trained: key -> how a reader knows it, the latest first."""


NOTHING = Offered()


def method_form(cls: type[Method], *, offered: Offered = NOTHING, prefix: str = "form") -> Method:
    """Draw the fields of `cls`, and make the method of what they say.

    Fields that do not matter under the others' values are hidden and count as their default, so that they do not split
    the cache. Raises BadParameter with the sentence that every other door gives.
    """
    return validated(cls, method_fields(cls, offered=offered, prefix=prefix))


def method_fields(
    cls: type[Method],
    varied: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    *,
    offered: Offered = NOTHING,
    prefix: str = "form",
) -> dict[str, Any]:
    """Draw the fields of `cls`, and give what they say; without those that are `varied`.

    A field is drawn where it matters under one at least of the varied fields' values.
    """  # fmt: skip
    cases = combinations(varied)
    values: dict[str, Any] = {}

    def draw(names: Sequence[str]) -> None:
        for name in names:
            if name not in varied and any(matters(cls, name, values | case) for case in cases):
                values[name] = _drawn(cls, name, offered, prefix)

    plain_fields = [name for name, field in cls.model_fields.items() if not field_extra(field).get("advanced")]
    draw(plain_fields)
    others = [name for name in cls.model_fields if name not in plain_fields]
    if others:
        with st.expander("Advanced", icon=":material/tune:"):
            draw(others)
    return values


def prefill(method: Method, *, prefix: str = "form") -> None:
    """Let the form start from `method`; call it before the form is drawn."""
    for name, field in type(method).model_fields.items():
        _put(_key(prefix, type(method), name), field, getattr(method, name))


def field_label(name: str, field: FieldInfo) -> str:
    """`steps` -> `Steps`, `tile_px` in px -> `Tile (px)`; a symbol such as `k1` stays as it is."""
    unit = field_extra(field).get("unit")
    words = name.removesuffix(f"_{unit}").replace("_", " ") if unit else name.replace("_", " ")
    label = words if len(words) <= 2 and not words.isalpha() else words[:1].upper() + words[1:]
    return f"{label} ({unit})" if unit and unit != name else label


def _drawn(cls: type[Method], name: str, offered: Offered, prefix: str) -> Any:
    """What the field's widget says, which is drawn here."""
    field = cls.model_fields[name]
    key = _key(prefix, cls, name)
    if key not in st.session_state:
        _put(key, field, field.default)
    return _widget(field)(field_label(name, field), field, key, offered)


def _put(key: str, field: FieldInfo, value: Any) -> None:
    """Let the field's widget hold `value`."""
    match field_extra(field).get("choices"):
        case "classes":
            st.session_state[key] = list(value)
            st.session_state.update({f"{key}:{name}": float(weight) for name, weight in value.items()})
        case "networks":
            st.session_state[key] = [identity.partition("#")[0] for identity in value]
        case "pictures":
            st.session_state[key] = list(value) if isinstance(value, tuple) else [value] if value else []
        case "results":
            st.session_state[key] = value or None
        case _:
            st.session_state[key] = value


def _key(prefix: str, cls: type[Method], name: str) -> str:
    return f"{prefix}:{cls.name}:{name}"


Widget = Callable[[str, FieldInfo, str, Offered], Any]


def _widget(field: FieldInfo) -> Widget:
    """The widget for a field's type."""
    choices = field_extra(field).get("choices")
    if choices is not None:
        return _CHOICES[choices]
    if field_extra(field).get("video"):
        return _video
    if get_origin(field.annotation) is Literal:
        return _choice
    kinds = {kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)}
    return next((widget for kind, widget in _TYPES.items() if kind in kinds), _text)


def _choice(label: str, field: FieldInfo, key: str, _: Offered) -> Any:
    options = get_args(field.annotation)
    if len(options) > SEGMENTS_MAX:
        return st.selectbox(label, options, key=key, help=field.description, persist_state="session")
    return st.segmented_control(label, options, key=key, help=field.description, required=True, persist_state="session")


def _switch(label: str, field: FieldInfo, key: str, _: Offered) -> bool:
    return st.toggle(label, key=key, help=field.description, persist_state="session")


def _integer(label: str, field: FieldInfo, key: str, _: Offered) -> int | None:
    low, high = field_bounds(field)
    value = st.number_input(
        label, _int(low), _int(high), _empty(field), step=1, key=key, help=_help(field), persist_state="session",
        placeholder="automatic",
    )  # fmt: skip
    return None if value is None else int(value)


def _number(label: str, field: FieldInfo, key: str, _: Offered) -> float | None:
    low, high = field_bounds(field)
    if isinstance(st.session_state.get(key), int):
        st.session_state[key] = float(st.session_state[key])
    value = st.number_input(
        label, _float(low), _float(high), _empty(field), step=_step(field), format="%g", key=key, help=_help(field),
        persist_state="session", placeholder="automatic",
    )  # fmt: skip
    return None if value is None else float(value)


def _text(label: str, field: FieldInfo, key: str, _: Offered) -> str:
    return str(st.text_input(label, key=key, help=field.description, persist_state="session") or "")


def _classes(label: str, field: FieldInfo, key: str, offered: Offered) -> dict[str, float]:
    """Classes, and the weight of each."""
    chosen = st.session_state.get(key) or []
    options = list(dict.fromkeys((*chosen, *offered.classes)))
    names = st.multiselect(
        label, options, key=key, help=field.description, persist_state="session",
        placeholder="Search classes" if options else "Choose networks first",
    )  # fmt: skip
    weights = {}
    for name in names:
        st.session_state.setdefault(f"{key}:{name}", 1.0)
        weight = st.number_input(
            f"Weight of {plain(name)}", 0.0, MAX_WEIGHT, step=0.1, format="%g", key=f"{key}:{name}",
            persist_state="session",
        )  # fmt: skip
        weights[name] = float(weight)
    return weights


def _class(label: str, field: FieldInfo, key: str, offered: Offered) -> str:
    """One class, or ''; one that came by a link stays, although no chosen network may know it."""
    options = list(dict.fromkeys(("", st.session_state.get(key) or "", *offered.classes)))
    empty = NO_CLASS[field_extra(field)["choices"]]
    chosen = st.selectbox(
        label, options, key=key, help=field.description, format_func=lambda name: name or empty,
        persist_state="session",
    )  # fmt: skip
    return chosen or ""


def _layer(label: str, field: FieldInfo, key: str, offered: Offered) -> str:
    """One of the layers that all chosen networks have, or another module's name; the middle one to begin with."""
    if not offered.layers:
        typed = _text(label, field, key, offered)
        if offered.no_layers:
            st.caption(plain(offered.no_layers))
        return typed
    wanted = bool(field_extra(field).get("when"))  # a field of a condition is there because a name was asked for
    if not st.session_state.get(key):
        st.session_state[key] = _middle(offered.layers) if wanted else None
    chosen = st.session_state[key]
    labels = {layer.name: _depth_label(layer) for layer in offered.layers}
    options = list(dict.fromkeys((*labels, *filter(None, [chosen]))))
    picked = st.selectbox(
        label, options, key=key, format_func=lambda name: labels.get(name, f"{name} · not in this list"), index=None,
        help=f"{field.description} The percentage is its depth. A module inside a layer can be typed.",
        placeholder="Choose a layer" if wanted else "automatic", accept_new_options=True, persist_state="session",
    )  # fmt: skip
    return picked or ""


def _depth_label(layer: SharedLayer) -> str:
    """`blocks.5 · 50 %`; with two depths where networks differ in it."""
    depth = f"{layer.least}" if layer.least == layer.greatest else f"{layer.least} to {layer.greatest}"
    return f"{layer.name} · {depth} %"


def _middle(layers: Sequence[SharedLayer]) -> str:
    """The first layer at whose end half of the blocks are done."""
    return next((layer.name for layer in layers if layer.least + layer.greatest >= 100), layers[0].name)


def _networks(label: str, field: FieldInfo, key: str, offered: Offered) -> list[str]:
    """Names of networks, those that came by a link among them."""
    options = list(dict.fromkeys((*(st.session_state.get(key) or ()), *offered.networks)))
    return st.multiselect(
        label, options, key=key, help=field.description, persist_state="session", select_all=False,
        placeholder=f"Search {len(options):,} networks",
    )  # fmt: skip


def _pictures(label: str, field: FieldInfo, key: str, _: Offered) -> Any:
    """Pictures that come with Gazegrid or were uploaded, by their digests; or one at most, or none; or a region."""
    several = get_origin(field.annotation) is tuple
    st.markdown(label, help=field.description)
    if field_extra(field).get("of") == REGION:
        return region_field(key)
    chosen = picture_field(key, tuple(shipped_styles()), several=several)
    return chosen if several else "".join(chosen)


def _video(label: str, field: FieldInfo, key: str, _: Offered) -> str:
    """A video that was uploaded, by its digest."""
    st.markdown(label, help=field.description)
    return video_field(key)


def _result(label: str, field: FieldInfo, key: str, offered: Offered) -> str:
    """What a job trained, by the job's key."""
    known = offered.results(field_extra(field).get("of") or "")
    options = list(dict.fromkeys((*known, *filter(None, [st.session_state.get(key)]))))
    picked = st.selectbox(
        label, options, key=key, format_func=lambda name: known.get(name, f"{name[:12]}…"), help=field.description,
        persist_state="session", placeholder="Choose one" if options else "Nothing was trained yet", index=None,
    )  # fmt: skip
    return picked or ""


def _help(field: FieldInfo) -> str:
    low, high = field_bounds(field)
    unit = field_extra(field).get("unit")
    bounds = f"{low:.10g} to {high:.10g}" + (f" {unit}" if unit else "")
    default = "automatic" if field.default is None else f"{field.default:.10g}"
    return f"{field.description} ({bounds}; default {default})"


def _empty(field: FieldInfo) -> Literal["min"] | None:
    """None lets the widget be emptied again, where that has a meaning."""
    return None if field.default is None else "min"


def _int(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _float(bound: float | None) -> float | None:
    return None if bound is None else float(bound)


def _step(field: FieldInfo) -> float:
    """A tenth of the default's power of ten: 0.05 steps by 0.001, 1 by 0.1."""
    default = abs(float(field.default or 1.0))
    return float(10.0 ** (math.floor(math.log10(default)) - 1))


_TYPES: dict[type, Widget] = {bool: _switch, float: _number, int: _integer}
_CHOICES: Mapping[Choices, Widget] = {
    "classes": _classes,
    "class": _class,
    "contrast class": _class,
    "layers": _layer,
    "networks": _networks,
    "pictures": _pictures,
    "results": _result,
}
