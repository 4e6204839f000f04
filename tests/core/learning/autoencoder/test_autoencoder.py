from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
import torch
from torch import Tensor

from core.learning.autoencoder.autoencoder import Architecture, Design, build
from core.learning.blocks import DOUBLINGS, DoublingKind
from core.learning.stored import parameter_count
from tests.core.learning.autoencoder.fitting import a_batch

DESIGN = Design("convolutional", 8, 1, 6, width=4)
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)


def model_(design: Design, seed: int = 0) -> torch.nn.Module:
    mean = torch.rand(design.channels, design.side_px, design.side_px, generator=torch.Generator().manual_seed(9))
    return build(design, mean, seed).eval()


def weights(model: torch.nn.Module) -> list[Tensor]:
    return [part.detach().clone() for part in model.parameters()]


@pytest.mark.parametrize(
    ("architecture", "decoder", "side", "channels"),
    [
        *product(["convolutional"], DOUBLINGS, [8, 12, 64], [1, 3]),
        *product(["linear", "dense"], ["nearest"], [8], [1, 3]),
    ],
)
def test_pictures_of_any_size_become_codes_and_pictures_again(
    architecture: Architecture, decoder: DoublingKind, side: int, channels: int
) -> None:
    model = model_(Design(architecture, side, channels, 6, 4, decoder))
    pictures = a_batch(3, side, channels)
    reconstructions, codes = model(pictures)
    assert (reconstructions.shape, codes.shape) == (pictures.shape, (3, 6))
    assert torch.equal(model.encode(pictures), codes)
    assert model.decode(codes).shape == pictures.shape


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_code_is_all_that_the_decoder_is_given(architecture: Architecture) -> None:
    model = model_(replace(DESIGN, architecture=architecture))
    reconstructions, codes = model(a_batch())
    assert torch.allclose(model.decode(codes), reconstructions, atol=1e-6)
    assert model.decoder_inputs == 6


def test_where_it_unpools_the_positions_of_all_maxima_are_given_beside_the_code() -> None:
    model = model_(replace(DESIGN, decoder="unpooling"))
    assert model.decoder_inputs == 6 + 4 * 4 * 4 + 8 * 2 * 2
    pictures = a_batch()
    reconstructions, codes = model(pictures)
    assert not torch.allclose(model.decode(codes), reconstructions, atol=1e-4)


def test_a_code_alone_is_unpooled_to_where_the_maxima_usually_are() -> None:
    model = model_(replace(DESIGN, decoder="unpooling"))
    one = a_batch(1)
    model.learn_default_positions(torch.cat([one, one, a_batch(1).flip(-1)]))
    reconstructions, codes = model(one)
    assert torch.allclose(model.decode(codes), reconstructions, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pictures_of_a_batch_do_not_affect_each_other(architecture: Architecture) -> None:
    model = model_(replace(DESIGN, architecture=architecture, decoder="unpooling"))
    pictures = a_batch()
    batched = model(pictures)[0]
    single = torch.cat([model(picture[None])[0] for picture in pictures])
    assert torch.allclose(batched, single, atol=1e-5)


@pytest.mark.parametrize("side", [8, 28, 64])
def test_all_decoders_have_the_same_budget_and_the_dense_one_nearly(side: int) -> None:
    design = Design("convolutional", side, 1, 16)
    numbers = {decoder: parameter_count(model_(replace(design, decoder=decoder))) for decoder in DOUBLINGS}
    assert len(set(numbers.values())) == 1
    dense = parameter_count(model_(replace(design, architecture="dense")))
    assert dense == pytest.approx(numbers["nearest"], rel=0.03)


def test_a_dense_one_is_never_narrower_than_its_code() -> None:
    model = model_(Design("dense", 64, 3, 64, width=2))
    assert min(min(part.shape) for name, part in model.named_parameters() if name.endswith("weight")) == 64


def test_a_linear_one_has_two_layers_without_bias() -> None:
    assert [tuple(part.shape) for part in model_(replace(DESIGN, architecture="linear")).parameters()] == [
        (6, 64),
        (64, 6),
    ]


def test_a_rectified_code_has_no_negative_values() -> None:
    codes = model_(replace(DESIGN, rectified=True)).encode(a_batch(64))
    assert 0 < float((codes == 0).float().mean()) < 1
    assert float(codes.detach().min()) == 0


def test_in_training_the_greatest_values_of_a_batch_are_kept_and_the_threshold_follows() -> None:
    model = model_(replace(DESIGN, code=40, rectified=True, kept=0.2)).train()
    for _ in range(200):
        codes = model.encode(a_batch(64))
    assert float((codes > 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert float((model.eval().encode(a_batch(64)) > 0).float().mean()) == pytest.approx(0.2, abs=0.02)
    before = model.threshold.clone()
    model.encode(a_batch(64))
    assert torch.equal(model.threshold, before)


def test_random_weights_depend_on_the_seed_and_global_generators_are_unchanged() -> None:
    before = torch.get_rng_state()
    first, second, other = weights(model_(DESIGN)), weights(model_(DESIGN)), weights(model_(DESIGN, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), before)
