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


def _weighted(value: Any) -> dict[str, float]:
    """Name -> weight; ValueError with a sentence. The order given does not matter: keys sort it."""
    if isinstance(value, str):
        parts = (part.rpartition("=") if "=" in part else (part, "", 1.0) for part in value.split(",") if part.strip())
        pairs: Iterable[tuple[Any, Any]] = ((name, weight) for name, _, weight in parts)
    elif isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = ((name, 1.0) for name in value)
    else:
        raise ValueError(f"classes are given as names, or names with weights as name=1, got {str(value)[:60]!r}")  # noqa: TRY004
    weights = {_name(name): _weight(name, weight) for name, weight in pairs}
    if len(weights) > MAX_CLASSES:
        raise ValueError(f"at most {MAX_CLASSES} classes, got {len(weights)}")
    return dict(sorted(weights.items()))


def _name(name: Any) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= MAX_NAME:
        raise ValueError(f"a class is a name or a number as text, got {str(name)[:60]!r}")
    return text


def _weight(name: Any, weight: Any) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= MAX_WEIGHT:
        raise ValueError(
            f"the weight of {str(name)[:60]} must be more than 0 and at most 1000, got {str(weight)[:60]!r}"
        )
    return number


ClassWeights = Annotated[dict[str, float], BeforeValidator(_weighted)]


def missing_class(card: NetworkCard, names: Iterable[str]) -> str | None:
    """The first of `names` that is no class of the network, by name or by number; None where it has all."""
    known, count = set(card.class_names), len(card.class_names)
    for name in names:
        by_number = name.isdecimal() and len(name) <= len(str(count)) and int(name) < count
        if name not in known and not by_number:
            return name
    return None
