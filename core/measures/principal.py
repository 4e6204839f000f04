"""Principal components: what the best linear code of a given number of values keeps (Hotelling 1933)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from core.items import Floats


@dataclass(frozen=True)
class Principal:
    """The directions along which values differ most."""

    mean: Floats
    """(D,)"""
    directions: Floats
    """(K, D), of length 1 and at right angles to each other, the strongest first"""

    def codes(self, values: Floats) -> Floats:
        """Values (N, D) -> (N, K)."""
        return ((values - self.mean) @ self.directions.T).astype(np.float32)

    def restored(self, values: Floats) -> Floats:
        """Values (N, D) as their codes have them, (N, D)."""
        return (self.codes(values) @ self.directions + self.mean).astype(np.float32)


def principal(values: Floats, count: int) -> Principal:
    """At most `count` principal directions of values (N, D): no more than there are values or rows."""
    with np.errstate(divide="ignore", invalid="ignore"):  # it also says which share of no spread at all is explained
        fitted = PCA(min(count, *values.shape), random_state=0).fit(values)
    return Principal(fitted.mean_.astype(np.float32), fitted.components_.astype(np.float32))


def largest_angle(first: Floats, second: Floats) -> float:
    """The largest principal angle between the spaces that rows (K, D) and rows (L, D) span, in degrees, 0 to 90."""
    return float(np.degrees(subspace_angles(first.T, second.T).max()))
