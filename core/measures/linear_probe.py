"""What features are worth to a linear classifier (Alain and Bengio 2016), by cross-validation."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from core.items import Floats

FOLDS = 5
ITERATIONS = 300


def linear_accuracy(features: Floats, labels: NDArray[np.int64]) -> float | None:
    """Share of `features` (N, D) whose label (N,) a logistic regression names right that was fitted to the others.

    None where it has no meaning: a single class, or fewer than two of each class.
    """
    classes, counts = np.unique(labels, return_counts=True)
    folds = min(FOLDS, int(counts.min()))
    if len(classes) < 2 or folds < 2:
        return None
    shuffled = StratifiedKFold(folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more iterations change no answer to speak of
        scores = cross_val_score(LogisticRegression(max_iter=ITERATIONS), _prepared(features), labels, cv=shuffled)
    return float(scores.mean())


def _prepared(features: Floats) -> Floats:
    """Each feature brought to mean 0 and spread 1; turned into no more features than rows, which changes no answer.

    A logistic regression of bounded weights sees nothing but the scalar products of rows, and a turn keeps them.
    """
    spread = features.std(axis=0)
    scaled: Floats = ((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(np.float32)
    if scaled.shape[1] <= len(scaled):
        return np.asarray(scaled, np.float32)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left * sizes, np.float32)
