from __future__ import annotations

import pytest
import torch

from core.learning.gan.networks import Design, Normalization, build

SIDES = [(16, 1), (32, 3), (64, 3)]


@pytest.mark.parametrize(("side", "channels"), SIDES)
@pytest.mark.parametrize("normalization", ["batch", "spectral"])
def test_samples_have_the_requested_size_and_are_classified(
    side: int, channels: int, normalization: Normalization
) -> None:
    generator, discriminator = build(Design(side, channels, latent=5, width=4), normalization, seed=0)
    pictures = generator(torch.randn(3, 5)).detach()
    assert pictures.shape == (3, channels, side, side)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    assert discriminator(pictures).shape == (3,)


def test_weights_are_those_of_the_seed() -> None:
    first, again, other = (build(Design(16, 1, 5, 4), "spectral", seed) for seed in (3, 3, 4))
    for network, same, another in zip(first, again, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(network.parameters(), same.parameters(), strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(network.parameters(), another.parameters(), strict=True))


def test_no_place_of_a_picture_gets_more_contributions_than_others() -> None:
    """With equal weights everywhere the inner picture is flat: no checkerboard."""
    generator, _ = build(Design(16, 1, latent=5, width=4), "batch", seed=0)
    doubling = generator.doublings[-1]
    torch.nn.init.constant_(doubling.weight, 0.1)
    generated = doubling(torch.ones(1, doubling.in_channels, 8, 8))[0, 0, 1:-1, 1:-1]
    assert float(generated.detach().std()) == pytest.approx(0, abs=1e-6)


def test_a_normalized_discriminator_hardly_sees_how_large_its_weights_are() -> None:
    _, discriminator = build(Design(16, 1, latent=5, width=4), "spectral", seed=0)
    pictures = torch.rand(8, 1, 16, 16)
    for _ in range(50):
        before = discriminator(pictures)
    for part in discriminator.parameters():
        if part.ndim > 1:
            part.data *= 100
    discriminator(pictures)
    assert torch.allclose(discriminator(pictures), before, rtol=0.05, atol=0.01)
