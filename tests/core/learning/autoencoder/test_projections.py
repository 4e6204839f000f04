from __future__ import annotations

import numpy as np
import pytest
import torch

from core.items import Floats
from core.learning.autoencoder.projections import by_pca, by_tsne, projections


def clusters(each: int = 12) -> Floats:
    """Three heaps of codes (3 each, 5), far apart."""
    generator = np.random.default_rng(0)
    return np.concatenate([generator.normal(10 * heap, 0.3, (each, 5)) for heap in range(3)]).astype(np.float32)


def test_pca_shows_the_direction_of_the_greatest_spread_first() -> None:
    plane = by_pca(clusters())
    assert plane.shape == (36, 2)
    assert plane[:, 0].std() > 10 * plane[:, 1].std()
    assert plane.mean(axis=0) == pytest.approx(0, abs=1e-3)


def test_neighbors_stay_neighbors_in_the_plane_of_tsne() -> None:
    plane = by_tsne(clusters(), 0)
    nearest = np.linalg.norm(plane[:, None] - plane[None], axis=2) + 1e9 * np.eye(36)
    assert (nearest.argmin(axis=1) // 12 == np.arange(36) // 12).all()


def test_the_same_seed_gives_the_same_bytes_and_global_generators_are_unchanged() -> None:
    before = repr(np.random.get_state())  # noqa: NPY002
    assert by_tsne(clusters(), 3).tobytes() == by_tsne(clusters(), 3).tobytes()
    assert repr(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize("codes", [np.ones((9, 3)), np.eye(4), np.zeros((1, 2))], ids=["alike", "four", "one"])
def test_codes_without_neighbors_have_a_place_all_the_same(codes: Floats) -> None:
    plane = by_tsne(codes.astype(np.float32), 0)
    assert plane.shape == (len(codes), 2)
    assert np.isfinite(plane).all()


def test_both_projections_have_labels_and_pictures() -> None:
    result = projections(clusters(2), list("aabbcc"), torch.rand(6, 1, 8, 8), 0)
    assert result.keys() == {"codes_pca", "codes_tsne"}
    for item in result.values():
        assert item.labels == tuple("aabbcc")
        assert item.thumbnails is not None
        assert item.thumbnails.shape == (6, 8, 8, 3)
