"""Linear probes: accuracy of a linear classifier on features (Alain and Bengio 2016), by cross-validation."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from core.items import Floats
from core.measures.principal import is_constant, require_finite_values

FOLDS = 5
ITERATIONS = 300
ONE_CLASS = "one class leaves nothing to tell apart"


def linear_accuracy(features: Floats, labels: NDArray[np.int64]) -> float | None:
    """Cross-validated accuracy of logistic regression on `features` (N, D) with labels (N,), 0 to 1.

    None where it is undefined, see `undefined_for`. Raises ComputationFailed where features are not finite.
    """
    require_finite_values(features)
    if undefined_for(features, labels):
        return None
    folds = min(FOLDS, int(np.unique(labels, return_counts=True)[1].min()))
    shuffled = StratifiedKFold(folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more iterations hardly change the accuracy
        scores = cross_val_score(LogisticRegression(max_iter=ITERATIONS), _standardized(features), labels, cv=shuffled)
    return float(scores.mean())


def undefined_for(features: Floats, labels: NDArray[np.int64]) -> str:
    """Why `features` (N, D) with labels (N,) have no accuracy, without a full stop; empty where they have one."""
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < 2:
        return ONE_CLASS
    if counts.min() < 2:
        return "cross-validation needs two pictures of each class"
    return "they are the same for all pictures" if is_constant(features) else ""


def _standardized(features: Floats) -> Floats:
    """Features standardized to mean 0 and standard deviation 1, and rotated to at most as many features as rows.

    L2-regularized logistic regression depends on scalar products of rows alone, which a rotation preserves.
    """
    std = features.std(axis=0)
    scaled: Floats = ((features - features.mean(axis=0)) / np.where(std > 0, std, 1)).astype(np.float32)
    if scaled.shape[1] <= len(scaled):
        return np.asarray(scaled, np.float32)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left * sizes, np.float32)
