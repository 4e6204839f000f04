"""A trained network as it is kept in a result, and back: an autoencoder, or another one of a kind and a design."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import torch
from torch import nn

from core.autoencoding.autoencoder import Autoencoder, Design
from core.engine import state
from core.engine.seeding import seeded
from core.errors import BadInput, BadParameter
from core.items import Result, Weights
from core.method import Context

ITEM = "network"
KIND = "autoencoder"

Model = TypeVar("Model", bound=nn.Module)


def weights_of(model: nn.Module, kind: str, design: Mapping[str, Any]) -> Weights:
    """Everything that `model_of` needs; `design`, JSON: what the network is built from."""
    tensors = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    return Weights(tensors=tensors, config={kind: dict(design)})


def result_of(context: Context, key: str, kind: str) -> Result:
    """The result of this key. Raises BadInput where there is none."""
    if not key:
        raise BadParameter(f"model must be the key of a trained {kind}, got none")
    return context.result(key)


def model_of(result: Result, kind: str, build: Callable[[dict[str, Any]], Model], device: torch.device | str) -> Model:
    """The trained network of this kind in a result, on `device`, for use only; `build` makes one of its design.

    Raises BadInput where there is none.
    """
    item = result.items.get(ITEM)
    if not isinstance(item, Weights) or kind not in item.config:
        raise BadInput(f"this result holds no {kind}: give the key of a trained one")
    with seeded(0):  # what it starts from is replaced at once, and nobody else's random numbers change
        model = build(item.config[kind])
    tensors = {name: torch.tensor(array) for name, array in item.tensors.items()}
    if not state.fits(tensors, model):
        raise BadInput(f"the weights in this result do not fit the {kind} that it describes")
    model.load_state_dict(tensors)
    return model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(requires_grad=False)


def as_weights(model: Autoencoder) -> Weights:
    """Everything that `autoencoder_of` needs."""
    return weights_of(model, KIND, asdict(model.design))


def trained_autoencoder(context: Context, key: str) -> Autoencoder:
    """The autoencoder in the result of this key, on the context's device. Raises BadInput where there is none."""
    return autoencoder_of(result_of(context, key, KIND), context.device)


def autoencoder_of(result: Result, device: torch.device | str) -> Autoencoder:
    """The trained autoencoder in a result, on `device`, for use only. Raises BadInput where there is none."""
    return model_of(result, KIND, _untrained, device)


def _untrained(design: dict[str, Any]) -> Autoencoder:
    described = Design(**design)
    return Autoencoder(described, torch.zeros(described.channels, described.side_px, described.side_px))
