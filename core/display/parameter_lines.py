"""A method's parameters as lines of label and value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.display.wording import reference, words
from core.method_base.method import Method, field_extra


def methods_by_class(methods: Sequence[Method]) -> list[list[Method]]:
    """The methods grouped by class, in order of first occurrence."""
    classes = dict.fromkeys(map(type, methods))
    return [[method for method in methods if type(method) is cls] for cls in classes]


def parameter_lines(methods: Sequence[Method]) -> tuple[tuple[str, str, bool], ...]:
    """(label, value with unit, whether it is not the default) of each parameter; all values where variants differ."""
    lines = []
    for name, info in type(methods[0]).model_fields.items():
        values = [getattr(method, name) for method in methods]
        unit = field_extra(info).get("unit") or ""
        texts = dict.fromkeys(_with_unit(value, unit) for value in values)
        lines.append((words(name), ", ".join(texts), any(value != info.default for value in values)))
    return tuple(lines)


def _with_unit(value: Any, unit: str) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    text = value_text(value, reference)
    return f"{text} {unit}" if unit else text


def value_text(value: Any, shorten: Callable[[str], str] = str) -> str:
    """A value of a JSON document as text, `a, b` or `name=1, other=2`; `shorten` is applied to strings."""
    if isinstance(value, list | tuple):
        return ", ".join(value_text(part, shorten) for part in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={value_text(part, shorten)}" for name, part in value.items()) or "none"
    return f"{value:g}" if isinstance(value, float) else shorten(str(value))
