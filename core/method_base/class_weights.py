"""Classes with a weight each, as a parameter: `{"tabby": 1.0}`, `["tabby", "lynx"]` or `tabby=1, lynx=0.5`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from core.networks.card import NetworkCard

MAX_WEIGHT = 1_000.0
MAX_CLASSES = 100
MAX_NAME = 200
MAX_SHOWN = 60


def _weighted(value: Any) -> dict[str, float]:
    """Name -> weight; ValueError with a sentence. The order given does not matter: keys sort it."""
    pairs = [(_name(name), weight) for name, weight in _pairs(value)]
    if len(pairs) > MAX_CLASSES:
        raise ValueError(f"at most {MAX_CLASSES} classes, got {len(pairs)}")
    weights: dict[str, float] = {}
    for name, weight in sorted(pairs, key=lambda pair: pair[0]):
        if name in weights:
            raise ValueError(f"a class is given once, {name[:MAX_SHOWN]!r} is given twice")
        weights[name] = _weight(name, weight)
    return weights


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, str):
        parts = (part.rpartition("=") if "=" in part else (part, "", 1.0) for part in value.split(",") if part.strip())
        return ((name, weight) for name, _, weight in parts)
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, list | tuple):
        return ((name, 1.0) for name in value)
    raise ValueError(f"classes are given as names, or names with weights as name=1, got {_shown(value)}")


def _name(name: Any) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= MAX_NAME:
        raise ValueError(f"a class is a name or a number as text, got {_shown(name)}")
    return text


def _weight(name: str, weight: Any) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= MAX_WEIGHT:
        allowed = f"must be more than 0 and at most {MAX_WEIGHT:g}"
        raise ValueError(f"the weight of {name[:MAX_SHOWN]} {allowed}, got {_shown(weight)}")
    return number


def _shown(value: Any) -> str:
    try:
        return repr(str(value)[:MAX_SHOWN])
    except ValueError:  # Python does not write out a whole number of more than 4300 digits
        return "an enormous number"


ClassWeights = Annotated[dict[str, float], BeforeValidator(_weighted)]


def class_problem(card: NetworkCard, names: Iterable[str]) -> str | None:
    """Why these classes cannot be asked of the network, in a sentence; None where they can.

    A class is named by its name or by its number; the network may lack it, and two of `names` may be the same one.
    """
    numbers = {name: number for number, name in enumerate(card.class_names)}
    asked: dict[int, str] = {}
    for name in names:
        number = numbers.get(name, _number(name, len(numbers)))
        if number is None:
            return f"This network has no class {name[:MAX_SHOWN]!r}."
        if number in asked:
            return f"{asked[number][:MAX_SHOWN]!r} and {name[:MAX_SHOWN]!r} are the same class of this network."
        asked[number] = name
    return None


def _number(name: str, count: int) -> int | None:
    by_number = name.isdecimal() and len(name) <= len(str(count)) and int(name) < count
    return int(name) if by_number else None
