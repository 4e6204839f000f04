from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.measures.stride_energy import stride_energy

PLACE = torch.arange(16)
CHECKERBOARD = ((PLACE[:, None] + PLACE) % 2).float()
LINES = (PLACE % 2).float().expand(16, 16)


def as_pictures(*pictures: Tensor) -> Tensor:
    return torch.stack(pictures)[:, None]


@pytest.mark.parametrize(
    ("picture", "energy"),
    [
        (CHECKERBOARD, 0.25),
        (LINES, 0.25),
        (LINES.T, 0.25),
        (CHECKERBOARD + LINES + LINES.T, 0.75),
        (torch.full((16, 16), 0.7), 0),
        ((PLACE // 2 % 2).float().expand(16, 16), 0),
        ((PLACE // 8).float().expand(16, 16), 0),
    ],
    ids=["checkerboard", "lines", "lines across", "all three", "flat", "waves of 4 px", "an edge"],
)
def test_energy_is_that_of_waves_of_two_pixels(picture: Tensor, energy: float) -> None:
    assert stride_energy(as_pictures(picture)) == pytest.approx(energy, abs=1e-9)


def test_a_pattern_added_to_a_smooth_picture_adds_the_square_of_its_strength() -> None:
    smooth = torch.sin(PLACE / 16 * 2 * torch.pi).expand(16, 16)
    assert stride_energy(as_pictures(smooth + 0.2 * (2 * CHECKERBOARD - 1))) == pytest.approx(0.04, abs=1e-6)


def test_it_is_the_mean_over_pictures_and_channels_whatever_their_size() -> None:
    assert stride_energy(as_pictures(CHECKERBOARD, 0 * LINES)) == pytest.approx(0.125)
    assert stride_energy(as_pictures(CHECKERBOARD[:8, :12])) == pytest.approx(0.25)


def test_the_wave_may_be_stronger_in_one_part_of_the_picture() -> None:
    half = CHECKERBOARD * (PLACE < 8)
    assert 0.05 < stride_energy(as_pictures(half)) < 0.25
