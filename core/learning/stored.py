"""Trained networks of any kind as weights in a result, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from core.engine import checkpoints
from core.engine.seeding import seeded
from core.errors import BadInput, BadParameter
from core.items import Result, Weights
from core.method_base.method import Context

ITEM = "network"

Model = TypeVar("Model", bound=nn.Module)


def weights_of(model: nn.Module, kind: str, design: Mapping[str, Any]) -> Weights:
    """Weights of the model, for `model_of`; `design` (JSON): what the network is built from."""
    tensors = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    return Weights(tensors=tensors, config={kind: dict(design)})


def result_of(context: Context, key: str, kind: str) -> Result:
    """The result of this key. Raises BadParameter where the key is empty, BadInput where there is no result."""
    if not key:
        raise BadParameter(f"model must be the key of a trained {kind}, got none")
    return context.result(key)


def model_of(result: Result, kind: str, build: Callable[[dict[str, Any]], Model], device: torch.device | str) -> Model:
    """The trained network of this kind in a result, on `device`, in eval mode without gradients.

    `build`: design -> untrained network. Raises BadInput where the result has no such network.
    """
    item = result.items.get(ITEM)
    if not isinstance(item, Weights) or kind not in item.config:
        raise BadInput(f"this result contains no {kind}: use the key of a trained one")
    with seeded(0):  # random weights are replaced below; global generators stay untouched
        model = build(item.config[kind])
    tensors = {name: torch.tensor(array) for name, array in item.tensors.items()}
    if not checkpoints.fits(tensors, model):
        raise BadInput(f"the weights in this result do not fit the {kind} it describes")
    model.load_state_dict(tensors)
    return model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(requires_grad=False)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters of a network."""
    return sum(parameter.numel() for parameter in model.parameters())
