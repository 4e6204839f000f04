from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from core.errors import ComputationFailed
from core.measures.frechet import directions_for, frechet_distance, frechet_distances, gaussian_distance

Numbers = NDArray[np.float64]


def random_covariance(generator: np.random.Generator, size: int, rank: int) -> Numbers:
    factors = generator.normal(size=(size, rank))
    return factors @ factors.T


def test_along_the_axes_it_is_the_distance_of_means_and_of_standard_deviations() -> None:
    first, second = np.array([1.0, 4.0, 0.0]), np.array([9.0, 4.0, 0.25])  # variances
    means = np.array([1.0, 0.0, 2.0]), np.array([0.0, 2.0, 2.0])
    distance = gaussian_distance(means[0], np.diag(first), means[1], np.diag(second))
    assert distance == pytest.approx((1 + 4) + (4 + 0 + 0.25))


def test_where_covariances_do_not_commute_it_is_what_the_root_of_their_product_gives() -> None:
    generator = np.random.default_rng(0)
    means = generator.normal(size=(2, 6))
    first, second = (random_covariance(generator, 6, 12) for _ in range(2))
    root = np.real(sqrtm(first @ second))
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(first + second - 2 * root)
    assert gaussian_distance(means[0], first, means[1], second) == pytest.approx(expected, rel=1e-9)
    assert gaussian_distance(means[1], second, means[0], first) == pytest.approx(expected, rel=1e-9)


def test_covariances_may_be_singular() -> None:
    none, mean = np.zeros((5, 5)), np.zeros(5)
    flat = random_covariance(np.random.default_rng(1), 5, 2)
    assert gaussian_distance(mean, flat, mean, flat) == pytest.approx(0, abs=1e-6)
    assert gaussian_distance(mean, flat, mean, none) == pytest.approx(np.trace(flat))


def test_of_many_draws_it_is_that_of_the_distributions_they_are_from() -> None:
    generator = np.random.default_rng(2)
    covariances = [random_covariance(generator, 3, 6) for _ in range(2)]
    means = [np.zeros(3), np.array([1.0, -2.0, 0.5])]
    draws = [
        generator.multivariate_normal(*one, 40_000).astype(np.float32) for one in zip(means, covariances, strict=True)
    ]
    expected = gaussian_distance(means[0], covariances[0], means[1], covariances[1])
    assert frechet_distance(*draws) == pytest.approx(expected, rel=0.03)


def test_a_set_has_no_distance_to_itself_in_any_order() -> None:
    features = np.random.default_rng(3).normal(size=(50, 4)).astype(np.float32)
    assert frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-6)


def test_features_of_one_dimension_and_of_two_pictures_have_a_distance() -> None:
    assert frechet_distance(np.array([[0.0], [2.0]]), np.array([[4.0], [6.0]])) == pytest.approx(16)


def test_there_are_ten_pictures_for_a_direction() -> None:
    assert [directions_for(count) for count in (6, 10, 29, 180, 500)] == [1, 1, 2, 18, 50]


def test_features_are_compared_in_the_directions_in_which_training_pictures_differ() -> None:
    generator = np.random.default_rng(4)
    spread = np.array([5.0, 3.0] + [0.01] * 40)
    training, held_out, generated = (generator.normal(size=(40, 42)) * spread for _ in range(3))
    distances = frechet_distances(training, held_out, generated)
    further = frechet_distances(training, held_out, generated + np.array([4.0] + [0.0] * 41))
    assert further[0] > distances[0] + 8
    assert further[1] == distances[1], "the floor knows nothing of what was drawn"
    assert frechet_distances(training, held_out, training) == pytest.approx((distances[1],) * 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_have_no_distance(value: float) -> None:
    """Not 0, which would be the best of all."""
    features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    odd = features.copy()
    odd[3, 1] = value
    for sets in ((odd, features, features), (features, odd, features), (features, features, odd)):
        with pytest.raises(ComputationFailed, match="features are not finite"):
            frechet_distances(*sets)
    assert np.isnan(gaussian_distance(np.array([np.nan]), np.eye(1), np.zeros(1), np.eye(1)))


def test_one_picture_has_no_covariance() -> None:
    features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    with pytest.raises(ComputationFailed, match="at least two pictures"):
        frechet_distance(features[:1], features)
