"""A trained generator as it is kept, and back."""

from __future__ import annotations

from dataclasses import asdict

import torch

from core.engine import state
from core.engine.seeding import seeded
from core.errors import BadInput
from core.gan.networks import Design, Generator
from core.items import Result, Weights

ITEM = "network"
KIND = "generator"


def as_weights(model: Generator) -> Weights:
    """Everything that `generator_of` needs."""
    tensors = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    return Weights(tensors=tensors, config={KIND: asdict(model.design)})


def generator_of(result: Result, device: torch.device | str) -> Generator:
    """The trained generator in a result, on `device`, for use only. Raises BadInput where there is none."""
    item = result.items.get(ITEM)
    if not isinstance(item, Weights) or KIND not in item.config:
        raise BadInput("this result holds no generator: give the key of a trained one")
    with seeded(0):  # what it starts from is replaced at once, and nobody else's random numbers change
        model = Generator(Design(**item.config[KIND]))
    tensors = {name: torch.tensor(array) for name, array in item.tensors.items()}
    if not state.fits(tensors, model):
        raise BadInput("the weights in this result do not fit the generator that it describes")
    model.load_state_dict(tensors)
    return model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(requires_grad=False)
