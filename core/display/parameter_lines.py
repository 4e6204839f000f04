"""A method's parameters, a line each, as a reader sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.display.wording import reference, words
from core.method_base.method import Method, field_extra


def variants_together(methods: Sequence[Method]) -> list[list[Method]]:
    """Those of one class together."""
    classes = dict.fromkeys(map(type, methods))
    return [[method for method in methods if type(method) is cls] for cls in classes]


def parameter_lines(methods: Sequence[Method]) -> tuple[tuple[str, str, bool], ...]:
    """(label, value with unit, whether it was changed) of each parameter; where variants differ, all their values."""
    lines = []
    for name, info in type(methods[0]).model_fields.items():
        values = [getattr(method, name) for method in methods]
        told = dict.fromkeys(_with_unit(value, field_extra(info).get("unit")) for value in values)
        lines.append((words(name), ", ".join(told), any(value != info.default for value in values)))
    return tuple(lines)


def _with_unit(value: Any, unit: str | None) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    text = in_words(value, reference)
    return f"{text} {unit}" if unit else text


def in_words(value: Any, said: Callable[[str], str] = str) -> str:
    """A value of a JSON document as text: lists with commas, `name=1` where there are names. `said`: of a text."""
    if isinstance(value, list | tuple):
        return ", ".join(in_words(part, said) for part in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={in_words(part, said)}" for name, part in value.items()) or "none"
    return f"{value:g}" if isinstance(value, float) else said(str(value))
