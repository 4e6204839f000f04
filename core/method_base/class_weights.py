"""Parameters that name classes: a target class, a contrast class, or several classes with a weight each.

Weighted classes are given as `{"tabby": 1.0}`, `["tabby", "lynx"]` or `tabby=1, lynx=0.5`; of a name with a comma the
whole part is in double quotes, `"a, b=1"`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from core.errors import BadInput
from core.media.file_names import comma_separated
from core.method_base.method import parameter
from core.networks.card import NetworkCard

MAX_WEIGHT = 1_000.0
MAX_CLASSES = 100
MAX_NAME = 200
MAX_SHOWN = 60
"""Characters of a value in an error."""


def class_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """The parameter `class_name`."""
    return parameter("", "Target class. Default: the top-1 prediction.", choices="class", when=when)


def contrast_class_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """The parameter `contrast_class`."""
    description = (
        "Contrast class, whose logit is subtracted: only evidence for the target over it is left. Default: none."
    )
    return parameter("", description, choices="contrast class", when=when)


def _weighted(value: Any) -> dict[str, float]:
    """Name -> weight, sorted by name, so that the order has no influence on the key. Raises ValueError."""
    pairs = [(_name(name), weight) for name, weight in _pairs(value)]
    if len(pairs) > MAX_CLASSES:
        raise ValueError(f"at most {MAX_CLASSES} classes, got {len(pairs)}")
    weights: dict[str, float] = {}
    for name, weight in sorted(pairs, key=lambda pair: pair[0]):
        if name in weights:
            raise ValueError(f"classes must be distinct, {name[:MAX_SHOWN]!r} is given twice")
        weights[name] = _weight(name, weight)
    return weights


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, str):
        try:
            listed = comma_separated(value)
        except BadInput as error:
            raise ValueError(str(error)) from None
        parts = (part.rpartition("=") if "=" in part else (part, "", 1.0) for part in listed)
        return ((name, weight) for name, _, weight in parts)
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, list | tuple):
        return ((name, 1.0) for name in value)
    raise ValueError(f"classes must be names, or names with weights as name=1, got {_shortened(value)}")


def _name(name: Any) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= MAX_NAME:
        raise ValueError(f"a class must be a name or an index as text, got {_shortened(name)}")
    return text


def _weight(name: str, weight: Any) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= MAX_WEIGHT:
        allowed = f"must be more than 0 and at most {MAX_WEIGHT:g}"
        raise ValueError(f"the weight of {name[:MAX_SHOWN]} {allowed}, got {_shortened(weight)}")
    return number


def _shortened(value: Any) -> str:
    try:
        return repr(str(value)[:MAX_SHOWN])
    except ValueError:  # Python does not print an integer of more than 4300 digits
        return "an enormous number"


ClassWeights = Annotated[dict[str, float], BeforeValidator(_weighted)]


def class_problem(card: NetworkCard, names: Iterable[str]) -> str | None:
    """Why the network cannot take these classes, given by name or index, in a sentence; None where it can.

    It may lack one of them, or two of them may be the same.
    """
    indices = {name: index for index, name in enumerate(card.class_names)}
    taken: dict[int, str] = {}
    for name in names:
        index = indices.get(name, _index(name, len(indices)))
        if index is None:
            return f"This network has no class {name[:MAX_SHOWN]!r}."
        if index in taken:
            return f"{taken[index][:MAX_SHOWN]!r} and {name[:MAX_SHOWN]!r} are the same class of this network."
        taken[index] = name
    return None


def _index(name: str, count: int) -> int | None:
    is_index = name.isdecimal() and len(name) <= len(str(count)) and int(name) < count
    return int(name) if is_index else None
