"""Values of a method's parameters: how they are validated, what they accept, which have an effect, what they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.errors import BadParameter
from core.method_base.method import Method, field_bounds, field_extra, is_number


def validated(cls: type[Method], parameters: Mapping[str, Any]) -> Method:
    """`cls(**parameters)`; raises BadParameter with one sentence that names parameter, value and what is allowed.

    A parameter without effect under the others' values gets its default: it does not change the result and must not
    change the key.
    """
    try:
        method = cls(**parameters)
        idle = _idle(method)
        return cls(**{name: value for name, value in parameters.items() if name not in idle}) if idle else method
    except ValidationError as error:
        raise BadParameter(_sentence(cls, error)) from None


def picture_fields(cls: type[Method]) -> list[str]:
    """Names of the parameters whose values are digests of pictures: one, empty for none, or several."""
    return [name for name, field in cls.model_fields.items() if field_extra(field).get("choices") == "pictures"]


def video_fields(cls: type[Method]) -> list[str]:
    """Names of the parameters whose values are digests of videos."""
    return [name for name, field in cls.model_fields.items() if field_extra(field).get("video")]


def named_pictures(method: Method) -> list[str]:
    """Digests of the pictures in the parameters, each once."""
    values = [getattr(method, name) for name in picture_fields(type(method))]
    each = [[value] if isinstance(value, str) else value for value in values]
    return list(dict.fromkeys(digest for digests in each for digest in digests if digest))


def named_videos(method: Method) -> list[str]:
    """Digests of the videos in the parameters, each once."""
    values = [getattr(method, name) for name in video_fields(type(method))]
    return list(dict.fromkeys(filter(None, values)))


def unchosen(method: Method) -> list[str]:
    """Inputs that the method requires and its parameters lack, in words: `a trained model`, `a video`."""
    fields = type(method).model_fields
    results = [name for name, field in fields.items() if field_extra(field).get("choices") == "results"]
    required = {"a trained model": results, "a video": video_fields(type(method))}
    return [what for what, names in required.items() if any(not getattr(method, name) for name in names)]


def matters(cls: type[Method], name: str, values: Mapping[str, Any]) -> bool:
    """Whether the field has an effect under `values` of the fields before it, or their defaults."""
    conditions = field_extra(cls.model_fields[name]).get("when") or {}
    return all(values.get(other, cls.model_fields[other].default) in allowed for other, allowed in conditions.items())


def _idle(method: Method) -> set[str]:
    """Names of the fields without effect in this method."""
    active: dict[str, Any] = {}
    idle = set()
    for name in type(method).model_fields:
        if matters(type(method), name, active):
            active[name] = getattr(method, name)
        else:
            idle.add(name)
    return idle


def _sentence(cls: type[Method], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name, *inside = map(str, first["loc"] or ("",))
    got = _shortened(first["input"]) + (f" for {inside[0][:80]}" if inside else "")
    if first["type"] == "extra_forbidden":
        return f"{cls.name} has no parameter {name[:80]!r}; it has {', '.join(cls.model_fields)}"
    if first["type"] == "value_error":
        return f"{name}: {first['ctx']['error']}" if name else str(first["ctx"]["error"])
    field = cls.model_fields.get(name)
    return f"{name} must be {allowed(field) if field else first['msg'].lower()}, got {got}"


def _shortened(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not print an integer of more than 4300 digits
        return "an enormous number"
    return text if len(text) <= 60 else text[:57] + "..."


def allowed(field: FieldInfo) -> str:
    """The values that a field accepts, in words: `0.001 to 1 px`, `one of mse, mae`, `true or false`."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(annotation)))
    if annotation is bool:
        return "true or false"
    if is_number(annotation):
        low, high = field_bounds(field)
        unit = field_extra(field).get("unit")
        kind = "a whole number from " if annotation is int else ""
        above = "above " if _has_bound(field, "gt") else ""
        below = "below " if _has_bound(field, "lt") else ""
        return f"{kind}{above}{low:.10g} to {below}{high:.10g}" + (f" {unit}" if unit else "")
    if annotation is str or get_origin(annotation) is tuple:
        return _allowed_names(annotation, field_extra(field).get("choices"))
    weights = get_origin(annotation) is not dict or get_args(annotation)[1] is float
    return "names, or names with weights as name=1" if weights else "a table of names and values"


def _allowed_names(annotation: Any, choices: str | None) -> str:
    if choices == "pictures":
        return "a picture" if annotation is str else "pictures"
    return "text" if annotation is str else "names of networks"


def _has_bound(field: FieldInfo, name: Literal["gt", "lt"]) -> bool:
    return any(getattr(constraint, name, None) is not None for constraint in field.metadata)
