from __future__ import annotations

import pytest
import torch

from core.learning.autoencoder.noise import Noise

GRAY = torch.full((40, 1, 16, 16), 0.5)


def noisy(noise: Noise, pictures: torch.Tensor = GRAY, seed: int = 0) -> torch.Tensor:
    return noise.on(pictures, torch.Generator().manual_seed(seed))


def test_noise_on_pixels_has_the_spread_that_is_requested_and_no_mean() -> None:
    noisy_inputs = noisy(Noise("pixels", 0.1)) - GRAY
    assert float(noisy_inputs.std()) == pytest.approx(0.1, rel=0.03)
    assert float(noisy_inputs.mean()) == pytest.approx(0, abs=0.003)


def test_noised_pictures_stay_in_their_range() -> None:
    noisy_inputs = noisy(Noise("pixels", 2.0))
    assert (float(noisy_inputs.min()), float(noisy_inputs.max())) == (0.0, 1.0)


@pytest.mark.parametrize(("share", "side"), [(0.5, 8), (0.25, 4), (0.01, 1), (0.99, 16)])
def test_a_square_of_each_picture_is_black_and_the_rest_as_it_was(share: float, side: int) -> None:
    noisy_inputs = noisy(Noise("patch", share), GRAY.expand(-1, 3, -1, -1))
    black = noisy_inputs == 0
    assert set(black.sum(dim=(1, 2, 3)).tolist()) == {3 * side**2}
    assert bool((noisy_inputs[~black] == 0.5).all())
    for picture in black[:, 0]:
        rows, columns = picture.any(1).nonzero(), picture.any(0).nonzero()
        assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == side - 1


def test_squares_lie_everywhere() -> None:
    noisy_inputs = noisy(Noise("patch", 0.5), GRAY.repeat(20, 1, 1, 1))
    assert bool((noisy_inputs == 0).any(0).all())


@pytest.mark.parametrize("noise", [Noise("pixels", 0.3), Noise("patch", 0.3)])
def test_the_generator_alone_decides_and_the_pictures_are_left_as_they_were(noise: Noise) -> None:
    before = GRAY.clone()
    assert torch.equal(noisy(noise, seed=1), noisy(noise, seed=1))
    assert not torch.equal(noisy(noise, seed=1), noisy(noise, seed=2))
    assert torch.equal(GRAY, before)
