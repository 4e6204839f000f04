"""The form of a method, made from its class: a widget for each field, by the field's type.

Name, bounds, unit and condition of a field are declared once, in the method's file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.display.wording import words
from core.jobs.comparison import combinations
from core.media.samples import shipped_styles
from core.method_base.class_weights import MAX_WEIGHT
from core.method_base.method import REGION, Choices, Method, field_bounds, field_extra
from core.method_base.parameters import matters, validated
from core.networks.layers import SharedLayer
from dashboard.panel.pictures import picture_field
from dashboard.panel.regions import region_field
from dashboard.panel.videos import video_field
from dashboard.session import help_bubble, plain

MAX_SEGMENTS = 4
"""More choices than this go into a list."""
NO_CLASS = {"class": "Predicted class", "contrast class": "No contrast class"}
"""Labels of the empty choice of a class."""


@dataclass(frozen=True)
class FormOptions:
    """Options that depend on the selected networks and the store; the likely ones first."""

    classes: Sequence[str] = ()
    networks: Sequence[str] = ()
    layers: Sequence[SharedLayer] = ()
    """Layers that all selected networks have, in order of depth."""
    no_layers: str = ""
    """The reason for no layers, in a sentence."""
    results: Callable[[str], Mapping[str, str]] = lambda _: {}
    """Name of a method -> its trained models: key -> label, the latest first."""


NO_OPTIONS = FormOptions()


def method_form(cls: type[Method], *, options: FormOptions = NO_OPTIONS, prefix: str = "form") -> Method:
    """Draw the fields of `cls`; the method with their values.

    Fields without effect under the other values are hidden and have their default, so that they do not change the
    key. Raises BadParameter with the same message as the command line.
    """
    return validated(cls, method_fields(cls, options=options, prefix=prefix))


def method_fields(
    cls: type[Method],
    varied: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    *,
    options: FormOptions = NO_OPTIONS,
    prefix: str = "form",
) -> dict[str, Any]:
    """Draw the fields of `cls` that are not `varied`; their values by name.

    A field is drawn if it has an effect under some combination of the varied values.
    """  # fmt: skip
    cases = combinations(varied)
    values: dict[str, Any] = {}

    def draw(names: Sequence[str]) -> None:
        for name in names:
            if name not in varied and any(matters(cls, name, values | case) for case in cases):
                values[name] = _draw_field(cls, name, options, prefix)

    plain_fields = [name for name, field in cls.model_fields.items() if not field_extra(field).get("advanced")]
    draw(plain_fields)
    advanced = [name for name in cls.model_fields if name not in plain_fields]
    if advanced:
        with st.expander("Advanced", icon=":material/tune:"):
            draw(advanced)
    return values


def prefill(method: Method, *, prefix: str = "form") -> None:
    """Put the parameters of `method` into the form; call it before the form is drawn."""
    for name, field in type(method).model_fields.items():
        _put(_key(prefix, type(method), name), field, getattr(method, name))


def field_label(name: str, field: FieldInfo) -> str:
    """`class_steps` -> `Class steps`, `tile_px` -> `Tile size (px)`, `rotate` in degrees -> `Rotate (degrees)`."""
    unit = field_extra(field).get("unit")
    is_named = unit != "px" and name.rsplit("_", maxsplit=1)[-1] == unit
    return f"{words(name)} ({unit})" if unit and not is_named else words(name)


def _draw_field(cls: type[Method], name: str, options: FormOptions, prefix: str) -> Any:
    """Draw the widget of a field; its value."""
    field = cls.model_fields[name]
    key = _key(prefix, cls, name)
    if key not in st.session_state:
        _put(key, field, field.default)
    return _widget(field)(field_label(name, field), field, key, options)


def _put(key: str, field: FieldInfo, value: Any) -> None:
    """Set the state of the field's widget to `value`."""
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


Widget = Callable[[str, FieldInfo, str, FormOptions], Any]
"""(label, field, key of the session, options) -> the value of the field."""


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


def _choice(label: str, field: FieldInfo, key: str, _: FormOptions) -> Any:
    choices = get_args(field.annotation)
    help_text = _help(" ".join((label, *choices)), field)
    if len(choices) > MAX_SEGMENTS:
        return st.selectbox(label, choices, key=key, help=help_text, persist_state="session")
    return st.segmented_control(label, choices, key=key, help=help_text, required=True, persist_state="session")


def _switch(label: str, field: FieldInfo, key: str, _: FormOptions) -> bool:
    return st.toggle(label, key=key, help=_help(label, field), persist_state="session")


def _integer(label: str, field: FieldInfo, key: str, _: FormOptions) -> int | None:
    low, high = field_bounds(field)
    value = st.number_input(
        label, _int(low), _int(high), _empty(field), step=1, key=key, help=_number_help(label, field),
        persist_state="session", placeholder="automatic",
    )  # fmt: skip
    return None if value is None else int(value)


def _number(label: str, field: FieldInfo, key: str, _: FormOptions) -> float | None:
    low, high = field_bounds(field)
    if isinstance(st.session_state.get(key), int):
        st.session_state[key] = float(st.session_state[key])
    value = st.number_input(
        label, _float(low), _float(high), _empty(field), step=_step(field), format="%g", key=key,
        help=_number_help(label, field), persist_state="session", placeholder="automatic",
    )  # fmt: skip
    return None if value is None else float(value)


def _text(label: str, field: FieldInfo, key: str, _: FormOptions) -> str:
    return str(st.text_input(label, key=key, help=_help(label, field), persist_state="session") or "")


def _classes(label: str, field: FieldInfo, key: str, options: FormOptions) -> dict[str, float]:
    """Classes, and the weight of each."""
    selected = st.session_state.get(key) or []
    choices = list(dict.fromkeys((*selected, *options.classes)))
    names = st.multiselect(
        label, choices, key=key, help=_help(label, field), persist_state="session",
        placeholder="Search classes" if choices else "Select networks first",
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


def _class(label: str, field: FieldInfo, key: str, options: FormOptions) -> str:
    """A class, or ''; the class of a link stays, even if no selected network has it."""
    choices = list(dict.fromkeys(("", st.session_state.get(key) or "", *options.classes)))
    empty = NO_CLASS[field_extra(field)["choices"]]
    selected = st.selectbox(
        label, choices, key=key, help=_help(label, field), format_func=lambda name: name or empty,
        persist_state="session",
    )  # fmt: skip
    return selected or ""


def _layer(label: str, field: FieldInfo, key: str, options: FormOptions) -> str:
    """A layer that all selected networks have, initially the middle one, or the name of another module."""
    if not options.layers:
        typed = _text(label, field, key, options)
        if options.no_layers:
            st.caption(plain(options.no_layers))
        return typed
    required = bool(field_extra(field).get("when"))  # a conditional field is drawn because a name is needed
    if not st.session_state.get(key):
        st.session_state[key] = _middle(options.layers) if required else None
    current = st.session_state[key]
    labels = {layer.name: _depth_label(layer) for layer in options.layers}
    choices = list(dict.fromkeys((*labels, *filter(None, [current]))))
    selected = st.selectbox(
        label, choices, key=key, format_func=lambda name: labels.get(name, f"{name} · not in the list"), index=None,
        help=_help(label, field, " The percentage is the layer depth. You can also type the name of a module."),
        placeholder="Select a layer" if required else "automatic", accept_new_options=True, persist_state="session",
    )  # fmt: skip
    return selected or ""


def _depth_label(layer: SharedLayer) -> str:
    """`blocks.5 · 50 %`, or `blocks.5 · 33 to 50 %` where networks differ."""
    depth = f"{layer.least}" if layer.least == layer.greatest else f"{layer.least} to {layer.greatest}"
    return f"{layer.name} · {depth} %"


def _middle(layers: Sequence[SharedLayer]) -> str:
    """The first layer that ends at half of the blocks or later."""
    return next((layer.name for layer in layers if layer.least + layer.greatest >= 100), layers[0].name)


def _networks(label: str, field: FieldInfo, key: str, options: FormOptions) -> list[str]:
    """Names of networks, including those of a link."""
    choices = list(dict.fromkeys((*(st.session_state.get(key) or ()), *options.networks)))
    return st.multiselect(
        label, choices, key=key, help=_help(label, field), persist_state="session", select_all=False,
        placeholder=f"Search {len(choices):,} networks",
    )  # fmt: skip


def _pictures(label: str, field: FieldInfo, key: str, _: FormOptions) -> Any:
    """Digests of bundled or uploaded pictures: several, or at most one; or of a region."""
    several = get_origin(field.annotation) is tuple
    st.markdown(label, help=_help(label, field))
    if field_extra(field).get("of") == REGION:
        return region_field(key)
    digests = picture_field(key, tuple(shipped_styles()), several=several)
    return digests if several else "".join(digests)


def _video(label: str, field: FieldInfo, key: str, _: FormOptions) -> str:
    """Digest of an uploaded video."""
    st.markdown(label, help=_help(label, field))
    return video_field(key)


def _result(label: str, field: FieldInfo, key: str, options: FormOptions) -> str:
    """Key of the job that trained a model."""
    models = options.results(field_extra(field).get("of") or "")
    choices = list(dict.fromkeys((*models, *filter(None, [st.session_state.get(key)]))))
    selected = st.selectbox(
        label, choices, key=key, format_func=lambda name: models.get(name, f"{name[:12]}…"), help=_help(label, field),
        persist_state="session", placeholder="Select a model" if choices else "No trained model yet", index=None,
    )  # fmt: skip
    return selected or ""


def _help(label: str, field: FieldInfo, addition: str = "") -> str | None:
    """The description of a field and the terms in its label."""
    return help_bubble(label, f"{field.description}{addition}")


def _number_help(label: str, field: FieldInfo) -> str | None:
    low, high = field_bounds(field)
    unit = field_extra(field).get("unit")
    bounds = f"{low:.10g} to {high:.10g}" + (f" {unit}" if unit else "")
    default = "automatic" if field.default is None else f"{field.default:.10g}"
    return _help(label, field, f" ({bounds}; default {default})")


def _empty(field: FieldInfo) -> Literal["min"] | None:
    """None for a widget that may be left empty."""
    return None if field.default is None else "min"


def _int(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _float(bound: float | None) -> float | None:
    return None if bound is None else float(bound)


def _step(field: FieldInfo) -> float:
    """A tenth of the default's power of ten: 0.001 for 0.05, 0.1 for 1."""
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
