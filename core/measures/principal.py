"""Principal component analysis: the best linear code of a given size (Hotelling 1933)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from core.errors import ComputationFailed
from core.items import ROUNDING, Floats


@dataclass(frozen=True)
class Principal:
    """Principal directions of values."""

    mean: Floats
    """(D,)"""
    directions: Floats
    """(K, D), orthonormal, the strongest first; arbitrary for constant values."""

    def codes(self, values: Floats) -> Floats:
        """Values (N, D) -> codes (N, K)."""
        return ((values - self.mean) @ self.directions.T).astype(np.float32)

    def restored(self, values: Floats) -> Floats:
        """Values (N, D) reconstructed from their codes, (N, D)."""
        return (self.codes(values) @ self.directions + self.mean).astype(np.float32)


def principal(values: Floats, count: int) -> Principal:
    """At most `count` principal directions of values (N, D), limited by N and D. Raises ComputationFailed for NaN."""
    require_finite_values(values)
    with np.errstate(divide="ignore", invalid="ignore"):  # explained variance is 0 / 0 for constant values
        fitted = PCA(min(count, *values.shape), random_state=0).fit(values)
    return Principal(fitted.mean_.astype(np.float32), fitted.components_.astype(np.float32))


def is_constant(values: Floats) -> bool:
    """Whether all rows (N, D) are the same, up to rounding: they have no principal direction."""
    return bool(np.ptp(values, axis=0).max(initial=0) <= ROUNDING * np.abs(values).max(initial=0))


def require_finite_values(values: Floats) -> None:
    """Raise ComputationFailed where features or values (N, D) are not finite: no measure of them has a meaning."""
    if not np.isfinite(values).all():
        raise ComputationFailed("the network's features are not finite: they cannot be measured")


def largest_angle(first: Floats, second: Floats) -> float | None:
    """The largest principal angle between the spaces that rows (K, D) and rows (L, D) span, in degrees, 0 to 90.

    None where one of them is a single point.
    """
    if not first.any() or not second.any():
        return None
    return float(np.degrees(subspace_angles(first.T, second.T).max()))
