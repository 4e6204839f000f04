"""A trained autoencoder as it is kept, and back."""

from __future__ import annotations

from dataclasses import asdict

import torch

from core.autoencoding.autoencoder import Autoencoder, Design
from core.engine import state
from core.engine.seeding import seeded
from core.errors import BadInput, BadParameter
from core.items import Result, Weights
from core.method import Context

ITEM = "network"
KIND = "autoencoder"


def as_weights(model: Autoencoder) -> Weights:
    """Everything that `autoencoder_of` needs."""
    tensors = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    return Weights(tensors=tensors, config={KIND: asdict(model.design)})


def trained_autoencoder(context: Context, key: str) -> Autoencoder:
    """The autoencoder in the result of this key, on the context's device. Raises BadInput where there is none."""
    if not key:
        raise BadParameter("model must be the key of a trained autoencoder, got none")
    return autoencoder_of(context.result(key), context.device)


def autoencoder_of(result: Result, device: torch.device | str) -> Autoencoder:
    """The trained autoencoder in a result, on `device`, for use only. Raises BadInput where there is none."""
    item = result.items.get(ITEM)
    if not isinstance(item, Weights) or KIND not in item.config:
        raise BadInput("this result holds no autoencoder: give the key of a trained one")
    design = Design(**item.config[KIND])
    with seeded(0):  # what it starts from is replaced at once, and nobody else's random numbers change
        model = Autoencoder(design, torch.zeros(design.channels, design.side_px, design.side_px))
    tensors = {name: torch.tensor(array) for name, array in item.tensors.items()}
    if not state.fits(tensors, model):
        raise BadInput("the weights in this result do not fit the autoencoder that it describes")
    model.load_state_dict(tensors)
    return model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(requires_grad=False)
