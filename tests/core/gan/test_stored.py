from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.errors import BadInput
from core.gan.networks import Design, Generator
from core.gan.stored import as_weights, generator_of
from core.items import Result, Scalar, Weights

DESIGN = Design(16, 3, latent=5, width=4)


def learned() -> Generator:
    """One whose batch normalization has seen something."""
    generator = Generator(DESIGN)
    generator(torch.randn(64, 5))
    return generator.eval()


def test_a_generator_that_was_kept_draws_the_same() -> None:
    generator, latents = learned(), torch.randn(4, 5)
    kept = as_weights(generator)
    loaded = Weights.load(kept.meta(), kept.files())
    again = generator_of(Result({"network": loaded}), "cpu")
    assert torch.allclose(again(latents), generator(latents), atol=1e-6)
    assert not again(latents).requires_grad


def test_a_result_without_a_generator_is_told() -> None:
    other = replace(as_weights(learned()), config={"autoencoder": {}})
    for items in ({}, {"network": Scalar(value=1.0)}, {"network": other}):
        with pytest.raises(BadInput, match="holds no generator"):
            generator_of(Result(items), "cpu")


def test_weights_of_another_design_are_told() -> None:
    kept = as_weights(learned())
    wider = replace(kept, config={"generator": {**kept.config["generator"], "width": 8}})
    with pytest.raises(BadInput, match="do not fit"):
        generator_of(Result({"network": wider}), "cpu")
