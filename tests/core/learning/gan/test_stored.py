from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.errors import BadInput, BadParameter
from core.items import Scalar, Weights
from core.learning.gan.networks import Design, Generator
from core.learning.gan.stored import as_weights, trained_generator
from tests.support.contexts import StoredContext

KEY = "ab" * 32
DESIGN = Design(16, 3, latent=5, width=4)


def a_generator() -> Generator:
    """A generator with statistics in its batch normalization."""
    generator = Generator(DESIGN)
    generator(torch.randn(64, 5))
    return generator.eval()


def test_a_stored_generator_draws_the_same() -> None:
    generator, latents = a_generator(), torch.randn(4, 5)
    weights = as_weights(generator)
    loaded = Weights.load(weights.meta(), weights.files())
    again = trained_generator(StoredContext({KEY: {"network": loaded}}), KEY)
    assert torch.allclose(again(latents), generator(latents), atol=1e-6)
    assert not again(latents).requires_grad


def test_a_result_without_a_generator_is_refused() -> None:
    other = replace(as_weights(a_generator()), config={"autoencoder": {}})
    for items in ({}, {"network": Scalar(value=1.0)}, {"network": other}):
        with pytest.raises(BadInput, match="contains no generator"):
            trained_generator(StoredContext({KEY: items}), KEY)


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(BadParameter, match="model must be the key of a trained generator, got none"):
        trained_generator(StoredContext(), "")


def test_weights_of_another_design_are_refused() -> None:
    weights = as_weights(a_generator())
    wider = replace(weights, config={"generator": {**weights.config["generator"], "width": 8}})
    with pytest.raises(BadInput, match="do not fit"):
        trained_generator(StoredContext({KEY: {"network": wider}}), KEY)
