from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

from core.errors import ComputationFailed
from core.items import Floats
from core.measures.linear_probe import linear_accuracy, undefined_for

LABELS = np.arange(90) % 3


def features(width: int, signal: float) -> Floats:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(90, width))
    values[np.arange(90), LABELS] += signal
    return values.astype(np.float32)


def test_linearly_separable_classes_are_classified_correctly() -> None:
    assert linear_accuracy(features(5, 20), LABELS) == 1.0


def test_uninformative_features_have_chance_accuracy() -> None:
    accuracy = linear_accuracy(features(5, 0), LABELS)
    assert accuracy == pytest.approx(1 / 3, abs=0.15)


def test_rotating_more_features_than_rows_changes_nothing() -> None:
    wide = features(300, 3)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scaled = StandardScaler().fit_transform(wide)
    direct = cross_val_score(LogisticRegression(max_iter=2000), scaled, LABELS, cv=folds).mean()
    assert linear_accuracy(wide, LABELS) == pytest.approx(direct, abs=0.012)


def test_units_of_features_and_constant_ones_do_not_matter() -> None:
    values = features(4, 2)
    other = np.hstack([values * np.array([1e3, 1e-3, 1, 7]), np.full((90, 1), 5)]).astype(np.float32)
    assert linear_accuracy(other, LABELS) == pytest.approx(linear_accuracy(values, LABELS), abs=0.02)


@pytest.mark.parametrize("labels", [np.zeros(6, np.int64), np.array([0, 0, 0, 0, 0, 1])], ids=["one", "a single one"])
def test_an_undefined_accuracy_is_none(labels: np.ndarray) -> None:  # type: ignore[type-arg]
    assert linear_accuracy(features(4, 1)[:6], labels) is None


def test_two_of_a_class_are_enough() -> None:
    assert linear_accuracy(features(5, 20)[:8], np.arange(8) % 4) is not None


@pytest.mark.parametrize(("labels", "reason"), [
    ([0, 0, 0], "one class"), ([0, 1, 1], "two pictures of each class"), ([0, 0, 1, 1], ""),
])  # fmt: skip
def test_an_undefined_accuracy_has_a_reason(labels: list[int], reason: str) -> None:
    given = undefined_for(features(4, 1)[: len(labels)], np.array(labels))
    assert reason in given
    assert bool(given) is bool(reason)


def test_features_that_are_the_same_for_all_pictures_have_no_accuracy() -> None:
    same, labels = np.full((8, 3), 0.7, np.float32), np.arange(8) % 2
    assert linear_accuracy(same, labels) is None
    assert undefined_for(same, labels) == "they are the same for all pictures"


def test_features_that_are_not_finite_are_refused() -> None:
    features = np.full((4, 2), np.nan, np.float32)
    with pytest.raises(ComputationFailed, match="features are not finite"):
        linear_accuracy(features, np.array([0, 0, 1, 1]))
