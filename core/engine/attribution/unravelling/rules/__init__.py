"""Rules that trace points back through an operation: one small function each, by families of operations.

A rule takes an operation and the points on one of its outputs, and returns points on its inputs. Names are those of
torch's schemas. Sources: Mopuri et al. 2019 (arXiv:1708.06670) for networks of convolutions and ReLUs; signs,
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
"""Inputs of an operation, with the points on each."""


@dataclass
class Walk:
    """State of a walk that rules read and write."""

    config: TracingConfig
    pictures: int
    errors: list[float] | None = None
    """One per linear map: relative error of contributions plus bias against its output; None: not audited."""
    lost: float = 0.0
    """Weight of the points that ended on padding or constants."""

    def audit(self, contributions: Floats, bias: Floats | None, points: Points, value: Value) -> None:
        """Record the maximal relative error of contributions (P, ...) plus bias (P,) against the output, if audited."""
        if self.errors is None:
            return
        terms = contributions.reshape(len(points), -1).astype(np.float64)
        total, size = terms.sum(axis=1), np.abs(terms).sum(axis=1)
        if bias is not None:
            total, size = total + points.sign * bias, size + np.abs(bias)
        output = points.sign * value.flat[points.index].astype(np.float64)
        self.errors.append(float((np.abs(total - output) / np.maximum(size, 1e-12)).max(initial=0)))


Follow = Callable[[Operation, Value, Points, Walk], Followed]


class Rule(NamedTuple):
    """How an operation is traced, and which values' data that reads."""

    follow: Follow
    reads: Reads


RULES: dict[str, Rule] = {}


def rule(*names: str, reads: Reads = NOTHING) -> Callable[[Follow], Follow]:
    """Decorator that registers a rule for the operations of these names."""

    def register(function: Follow) -> Follow:
        RULES.update(dict.fromkeys(names, Rule(function, reads)))
        return function

    return register


def numbers_of(*names: str, outputs: slice = slice(0)) -> Reads:
    """Reads of the tensors among the arguments of these names, and of these outputs."""

    def inputs(operation: Operation) -> list[Value]:
        return [value for name in names if isinstance(value := operation.get(name), Value)]

    return Reads(inputs, outputs)
