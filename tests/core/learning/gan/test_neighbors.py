from __future__ import annotations

import pytest
import torch

from core.learning.gan import neighbors
from core.learning.gan.neighbors import mean_distance, nearest


def random_pictures(count: int, seed: int) -> torch.Tensor:
    return torch.randint(256, (count, 3, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_copies_are_found_wherever_they_lie(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(neighbors, "CHUNK", chunk)
    training = random_pictures(30, seed=0)
    copies = training[[29, 0, 13, 13]].float() / 255
    result = nearest(copies, training)
    assert torch.equal(result.pictures, copies)
    assert result.distances.tolist() == [0.0] * 4


def test_the_nearest_is_the_one_of_the_least_mean_square() -> None:
    training, pictures = random_pictures(30, seed=0), random_pictures(5, seed=1).float() / 255
    result = nearest(pictures, training)
    each = (pictures[:, None] - training[None].float() / 255).square().mean((2, 3, 4)).sqrt()  # (5, 30)
    assert torch.allclose(result.distances, each.min(1).values)
    assert torch.equal(result.pictures, training[each.argmin(1)].float() / 255)


def test_the_mean_distance_is_over_all_pairs_of_two() -> None:
    levels = torch.tensor([0.0, 0.5, 1.0]).reshape(3, 1, 1, 1).expand(3, 1, 4, 4)
    assert mean_distance(levels) == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert mean_distance(levels[[1, 1, 1]]) == pytest.approx(0, abs=1e-6)
