from __future__ import annotations

import pytest
import torch

from core.engine.optimization.gradients import BLURS, identity, normalized, smoothed


def test_a_gradient_has_length_1_in_each_picture_and_keeps_its_direction() -> None:
    gradient = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1e-6
    changed = normalized(gradient)
    torch.testing.assert_close(changed.square().mean(dim=(1, 2, 3)), torch.ones(2))
    cosine = torch.nn.functional.cosine_similarity(changed.flatten(1), gradient.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(2))
    assert torch.equal(identity(gradient), gradient)


def test_no_gradient_stays_none() -> None:
    assert not normalized(torch.zeros(1, 3, 4, 4)).any()
    assert not smoothed(torch.zeros(1, 3, 16, 16)).any()


@pytest.mark.parametrize("size", [(32, 32), (16, 40), (4, 5)])
def test_an_even_gradient_stays_even_when_smoothed(size: tuple[int, int]) -> None:
    torch.testing.assert_close(smoothed(torch.full((1, 3, *size), 0.3)), torch.ones(1, 3, *size))


def test_a_single_pixel_becomes_a_sum_of_three_ever_wider_hills_of_the_same_weight() -> None:
    spike = torch.zeros(1, 3, 41, 41)
    spike[0, 1, 20, 20] = 1.0
    spread = smoothed(spike)[0]
    assert not spread[[0, 2]].any()  # colors do not mix
    places = torch.arange(41.0) - 20
    variance = (spread[1].sum(dim=0) * places.square()).sum() / spread[1].sum()
    hills = torch.tensor([2 * distance**2 / (2 + middle) for distance, middle in BLURS]).cumsum(0)
    torch.testing.assert_close(variance, hills.mean())
    torch.testing.assert_close(spread[1], spread[1].T)
    assert (spread[1, 20, 20:26].diff() < 0).all()
    torch.testing.assert_close(hills.sqrt(), torch.tensor([0.5, 0.87, 1.66]), atol=0.005, rtol=0)
