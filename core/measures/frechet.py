"""Frechet distance between two sets of features, each modeled as a normal distribution (Heusel et al. 2017).

The distance of normal distributions is that of Frechet (1957), in the form of Dowson and Landau (1982):
|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), squared as is customary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import ComputationFailed
from core.items import Floats
from core.measures.principal import principal, require_finite_values

Numbers = NDArray[np.float64]

PICTURES_PER_DIRECTION = 10
"""Pictures per direction: with fewer, the covariance would be mostly noise."""
MIN_PICTURES = 2 * PICTURES_PER_DIRECTION


def directions_for(pictures: int) -> int:
    """Number of principal directions that `pictures` pictures allow to compare."""
    return max(1, pictures // PICTURES_PER_DIRECTION)


def frechet_distances(training: Floats, held_out: Floats, generated: Floats) -> tuple[float, float]:
    """Distances of `generated` (K, D) and of `training` (N, D) to `held_out` (M, D); at least two of each.

    Features are projected on principal directions of `training`, as many as the smallest set allows; `training` must
    have any. Raises ComputationFailed where features are not finite, or too few.
    """
    components = principal(training, directions_for(min(len(training), len(held_out), len(generated))))
    reference = components.codes(held_out)
    return frechet_distance(components.codes(generated), reference), frechet_distance(
        components.codes(training), reference
    )


def frechet_distance(first: Floats, second: Floats) -> float:
    """Frechet distance between features (N, D) and (M, D), at least two of each. Raises ComputationFailed."""
    return gaussian_distance(*_normal(first), *_normal(second))


def gaussian_distance(mean: Numbers, covariance: Numbers, other_mean: Numbers, other_covariance: Numbers) -> float:
    """Frechet distance between normal distributions: means (D,), covariances (D, D), which may be singular."""
    root = _root(covariance)
    # C1 C2 has the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric: no inverse, no complex values
    root_trace = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    mean_distance = float(((mean - other_mean) ** 2).sum())
    distance = mean_distance + np.trace(covariance) + np.trace(other_covariance) - 2 * root_trace
    return float(np.maximum(0.0, distance))  # unlike max, it keeps NaN


def _normal(features: Floats) -> tuple[Numbers, Numbers]:
    require_finite_values(features)
    if len(features) < 2:
        raise ComputationFailed("a Frechet distance needs at least two pictures of each kind")
    values = features.astype(np.float64)
    return values.mean(axis=0), np.cov(values, rowvar=False).reshape(values.shape[1], values.shape[1])


def _root(covariance: Numbers) -> Numbers:
    """The symmetric square root of a covariance (D, D)."""
    values, vectors = np.linalg.eigh(covariance)
    root: Numbers = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root
