"""One measured promise."""

from __future__ import annotations

from typing import TypedDict


class Row(TypedDict):
    """A ratio and what was promised of it; `detail` gives the figures behind it, with units."""

    name: str
    ratio: float
    target: float
    holds: bool
    detail: str


def at_most(name: str, ratio: float, target: float, detail: str) -> Row:
    """The promise that a ratio stays at or under its target."""
    return Row(name=name, ratio=round(ratio, 4), target=target, holds=ratio <= target, detail=detail)


def at_least(name: str, ratio: float, target: float, detail: str) -> Row:
    """The promise that a ratio reaches its target."""
    return Row(name=name, ratio=round(ratio, 4), target=target, holds=ratio >= target, detail=f"at least; {detail}")
