"""The result of a benchmark."""

from __future__ import annotations

from typing import TypedDict


class Row(TypedDict):
    """A ratio and its target; `detail` has the measured numbers with units."""

    name: str
    ratio: float
    target: float
    holds: bool
    detail: str


def at_most(name: str, ratio: float, target: float, detail: str) -> Row:
    """A ratio whose target is an upper limit."""
    return Row(name=name, ratio=round(ratio, 4), target=target, holds=ratio <= target, detail=detail)


def at_least(name: str, ratio: float, target: float, detail: str) -> Row:
    """A ratio whose target is a lower limit."""
    return Row(name=name, ratio=round(ratio, 4), target=target, holds=ratio >= target, detail=f"at least; {detail}")
