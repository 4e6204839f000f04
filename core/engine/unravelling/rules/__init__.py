"""How a point is followed through an operation: one small function for each, by families of operations.

A rule takes the operation and the points on one of its outcomes, and gives points on what went in. Names are those of
torch's own declarations. Sources: Mopuri et al. 2019 (arXiv:1708.06670) for networks of convolutions and ReLUs; signs,
weights and all other operations are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.engine.unravelling.points import Floats, Manner, Points
from core.engine.unravelling.tape import Operation, Value

Followed = list[tuple[Value, Points]]


@dataclass
class Walk:
    """What the rules need beside operation and points, and what they note."""

    manner: Manner
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


Rule = Callable[[Operation, Value, Points, Walk], Followed]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """The function is the rule for the operations of these names."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register
