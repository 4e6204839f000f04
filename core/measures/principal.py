"""Principal component analysis: the best linear code of a given size (Hotelling 1933)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from core.items import Floats


@dataclass(frozen=True)
class Principal:
    """Principal directions of values."""

    mean: Floats
    """(D,)"""
    directions: Floats
    """(K, D), orthonormal, the strongest first."""

    def codes(self, values: Floats) -> Floats:
        """Values (N, D) -> codes (N, K)."""
        return ((values - self.mean) @ self.directions.T).astype(np.float32)

    def restored(self, values: Floats) -> Floats:
        """Values (N, D) reconstructed from their codes, (N, D)."""
        return (self.codes(values) @ self.directions + self.mean).astype(np.float32)


def principal(values: Floats, count: int) -> Principal:
    """At most `count` principal directions of values (N, D), limited by N and D."""
    with np.errstate(divide="ignore", invalid="ignore"):  # explained variance is 0 / 0 for constant values
        fitted = PCA(min(count, *values.shape), random_state=0).fit(values)
    return Principal(fitted.mean_.astype(np.float32), fitted.components_.astype(np.float32))


def largest_angle(first: Floats, second: Floats) -> float:
    """The largest principal angle between the spaces that rows (K, D) and rows (L, D) span, in degrees, 0 to 90."""
    return float(np.degrees(subspace_angles(first.T, second.T).max()))
