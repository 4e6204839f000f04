from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import BadInput, BadParameter
from core.items import Item, Result, Scalar, Weights
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.stored import as_weights, autoencoder_of, trained_autoencoder
from core.method_base.method import Context
from tests.core.learning.autoencoder.fitting import a_batch, untrained


def kept(model: Autoencoder) -> Result:
    """As a store gives it back."""
    item = as_weights(model)
    return Result({"network": Weights.load(item.meta(), item.files())})


@pytest.mark.parametrize(
    "parts",
    [
        {"architecture": "linear"},
        {"architecture": "dense", "rectified": True, "kept": 0.5},
        {"architecture": "convolutional", "decoder": "unpooling"},
    ],
    ids=str,
)
def test_a_stored_autoencoder_draws_the_same_pictures(parts: dict[str, object]) -> None:
    model = untrained(**parts).eval()
    model.threshold.fill_(0.01)
    model.learn_default_positions(a_batch(9))
    again = autoencoder_of(kept(model), "cpu")
    pictures = a_batch()
    model.requires_grad_(requires_grad=False)
    assert torch.allclose(again(pictures)[0], model(pictures)[0], atol=1e-6)
    assert torch.allclose(again.decode(torch.ones(1, 4)), model.decode(torch.ones(1, 4)), atol=1e-6)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in again.state_dict().items())
    assert not again.training
    assert not any(part.requires_grad for part in again.parameters())


@pytest.mark.parametrize(
    "item", [None, Scalar(value=1), Weights(tensors={"a": np.zeros(1)}, config={"architecture": "resnet18"})]
)
def test_a_result_without_an_autoencoder_is_refused(item: Item | None) -> None:
    with pytest.raises(BadInput, match="this result contains no autoencoder"):
        autoencoder_of(Result({"network": item} if item else {}), "cpu")


def test_weights_that_do_not_fit_are_refused() -> None:
    weights = as_weights(untrained())
    with pytest.raises(BadInput, match="do not fit"):
        autoencoder_of(Result({"network": Weights(tensors={}, config=weights.config)}), "cpu")


def test_an_empty_key_and_an_unknown_key_have_different_errors() -> None:
    with pytest.raises(BadParameter, match="model must be the key of a trained autoencoder, got none"):
        trained_autoencoder(Context(), "")
    with pytest.raises(BadInput, match="there is no result 111111111111 here"):
        trained_autoencoder(Context(), "1" * 64)
