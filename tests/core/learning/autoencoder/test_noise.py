from __future__ import annotations

import pytest
import torch

from core.learning.autoencoder.noise import Noise

GRAY = torch.full((40, 1, 16, 16), 0.5)


def drawn(noise: Noise, pictures: torch.Tensor = GRAY, seed: int = 0) -> torch.Tensor:
    return noise.on(pictures, torch.Generator().manual_seed(seed))


def test_noise_on_pixels_has_the_spread_that_is_asked_for_and_no_mean() -> None:
    noised = drawn(Noise("pixels", 0.1)) - GRAY
    assert float(noised.std()) == pytest.approx(0.1, rel=0.03)
    assert float(noised.mean()) == pytest.approx(0, abs=0.003)


def test_noised_pictures_stay_in_their_range() -> None:
    noised = drawn(Noise("pixels", 2.0))
    assert (float(noised.min()), float(noised.max())) == (0.0, 1.0)


@pytest.mark.parametrize(("share", "side"), [(0.5, 8), (0.25, 4), (0.01, 1), (0.99, 16)])
def test_a_square_of_each_picture_is_black_and_the_rest_as_it_was(share: float, side: int) -> None:
    noised = drawn(Noise("patch", share), GRAY.expand(-1, 3, -1, -1))
    black = noised == 0
    assert set(black.sum(dim=(1, 2, 3)).tolist()) == {3 * side**2}
    assert bool((noised[~black] == 0.5).all())
    for picture in black[:, 0]:
        rows, columns = picture.any(1).nonzero(), picture.any(0).nonzero()
        assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == side - 1


def test_squares_lie_everywhere() -> None:
    noised = drawn(Noise("patch", 0.5), GRAY.repeat(20, 1, 1, 1))
    assert bool((noised == 0).any(0).all())


@pytest.mark.parametrize("noise", [Noise("pixels", 0.3), Noise("patch", 0.3)])
def test_the_generator_alone_decides_and_the_pictures_are_left_as_they_were(noise: Noise) -> None:
    before = GRAY.clone()
    assert torch.equal(drawn(noise, seed=1), drawn(noise, seed=1))
    assert not torch.equal(drawn(noise, seed=1), drawn(noise, seed=2))
    assert torch.equal(GRAY, before)
