"""How a point is followed through an operation: one small function for each, by families of operations.

A rule takes the operation and the points on one of its outcomes, and gives points on what went in. Names are those of
torch's own declarations. Sources: Mopuri et al. 2019 (arXiv:1708.06670) for networks of convolutions and ReLUs; signs,
weights and all other operations are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.engine.attribution.unravelling.operations import NOTHING, Operation, Reads, Value
from core.engine.attribution.unravelling.points import Floats, Points, TracingConfig

Followed = list[tuple[Value, Points]]


@dataclass
class Walk:
    """What the rules need beside operation and points, and what they note."""

    manner: TracingConfig
    pictures: int
    errors: list[float] | None = None
    """Where asked for: of each traced linear map, how far contributions and bias are from its outcome, relative."""
    lost: float = 0.0
    """Weight of the points that fell on padding."""

    def audit(self, contributions: Floats, bias: Floats | None, points: Points, value: Value) -> None:
        """Note how far the contributions (P, ...) and the bias (P,) are from what came out, where that is asked for."""
        if self.errors is None:
            return
        terms = contributions.reshape(len(points), -1).astype(np.float64)
        total, size = terms.sum(axis=1), np.abs(terms).sum(axis=1)
        if bias is not None:
            total, size = total + points.sign * bias, size + np.abs(bias)
        outcome = points.sign * value.flat[points.index].astype(np.float64)
        self.errors.append(float((np.abs(total - outcome) / np.maximum(size, 1e-12)).max(initial=0)))


Follow = Callable[[Operation, Value, Points, Walk], Followed]


class Rule(NamedTuple):
    """How an operation is followed, and which numbers that takes: all others are gone by then."""

    follow: Follow
    reads: Reads


RULES: dict[str, Rule] = {}


def rule(*names: str, reads: Reads = NOTHING) -> Callable[[Follow], Follow]:
    """The function is the rule for the operations of these names."""

    def register(function: Follow) -> Follow:
        RULES.update(dict.fromkeys(names, Rule(function, reads)))
        return function

    return register


def numbers_of(*names: str, outputs: slice = slice(0)) -> Reads:
    """Those of the arguments of these names, where they are given and tensors, and those of these outcomes."""

    def inputs(operation: Operation) -> list[Value]:
        return [value for name in names if isinstance(value := operation.get(name), Value)]

    return Reads(inputs, outputs)
