"""How far apart two sets of features lie, each taken for a normal distribution (Heusel et al. 2017, with any features).

The distance of two normal distributions is that of Frechet (1957), in the form of Dowson and Landau (1982):
|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). It is the squared one, as everywhere in this field.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.items import Floats
from core.measures.principal import principal

Numbers = NDArray[np.float64]

PICTURES_A_DIRECTION = 10
"""A covariance of more directions than a tenth of the pictures would be mostly noise."""
LEAST_PICTURES = 2 * PICTURES_A_DIRECTION


def directions_for(pictures: int) -> int:
    """How many directions so many pictures allow to compare."""
    return max(1, pictures // PICTURES_A_DIRECTION)


def frechet_distances(learned: Floats, held_out: Floats, drawn: Floats) -> tuple[float, float]:
    """Distance of `drawn` (K, D) to `held_out` (M, D), and that of `learned` (N, D) to it; at least two of each.

    Features are told by the principal directions of those of `learned`, as many as the fewest pictures allow.
    """
    found = principal(learned, directions_for(min(len(learned), len(held_out), len(drawn))))
    reference = found.codes(held_out)
    return frechet_distance(found.codes(drawn), reference), frechet_distance(found.codes(learned), reference)


def frechet_distance(first: Floats, second: Floats) -> float:
    """Between features (N, D) and (M, D), at least two of each."""
    return gaussian_distance(*_normal(first), *_normal(second))


def gaussian_distance(mean: Numbers, covariance: Numbers, other_mean: Numbers, other_covariance: Numbers) -> float:
    """Between two normal distributions: means (D,), covariances (D, D), which may be singular."""
    root = _root(covariance)
    # C1 C2 has the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric: no inverse, nothing complex
    shared = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    apart = float(((mean - other_mean) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other_covariance) - 2 * shared))


def _normal(features: Floats) -> tuple[Numbers, Numbers]:
    values = features.astype(np.float64)
    return values.mean(axis=0), np.cov(values, rowvar=False).reshape(values.shape[1], values.shape[1])


def _root(covariance: Numbers) -> Numbers:
    """The symmetric matrix whose square it is."""
    values, vectors = np.linalg.eigh(covariance)
    root: Numbers = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root
