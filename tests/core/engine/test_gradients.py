from __future__ import annotations

import pytest
import torch

from core.engine.gradients import BLURS, normalized, smoothed, unchanged


def test_a_gradient_has_length_1_in_each_picture_and_keeps_its_direction() -> None:
    gradient = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1e-6
    changed = normalized(gradient)
    torch.testing.assert_close(changed.square().mean(dim=(1, 2, 3)), torch.ones(2))
    cosine = torch.nn.functional.cosine_similarity(changed.flatten(1), gradient.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(2))
    assert torch.equal(unchanged(gradient), gradient)


def test_no_gradient_stays_none() -> None:
    assert not normalized(torch.zeros(1, 3, 4, 4)).any()
    assert not smoothed(torch.zeros(1, 3, 16, 16)).any()


@pytest.mark.parametrize("size", [(32, 32), (16, 40), (4, 5)])
def test_an_even_gradient_stays_even_when_smoothed(size: tuple[int, int]) -> None:
    torch.testing.assert_close(smoothed(torch.full((1, 3, *size), 0.3)), torch.ones(1, 3, *size))


def test_a_single_pixel_becomes_a_sum_of_gaussians_of_the_same_weight() -> None:
    spike = torch.zeros(1, 3, 41, 41)
    spike[0, 1, 20, 20] = 1.0
    spread = smoothed(spike)
    assert not spread[0, [0, 2]].any()  # colors do not mix
    profile = spread[0, 1, 20, 20:] / spread[0, 1, 20, 20]
    exact = sum(torch.exp(-(torch.arange(21.0) ** 2) / (2 * sigma**2)) / sigma**2 for sigma in BLURS)
    torch.testing.assert_close(profile[:6], (exact / exact[0])[:6], rtol=0.1, atol=0.005)
