"""Features of pictures: a network's output before the head, averaged over all positions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.engine.ranges import resized
from core.items import Floats
from core.networks.layout import map_of
from core.networks.network import Network
from core.networks.places import FEATURES

CHUNK = 32
"""Pictures per forward pass, resized to the network's input size."""


@torch.no_grad()
def features(network: Network, pictures: Tensor) -> Floats:
    """Features (N, D) of pictures (N, C, S, S) in [0, 1], gray or in color."""
    return np.concatenate([_chunk_features(network, part) for part in torch.split(pictures, CHUNK)])


def _chunk_features(network: Network, pictures: Tensor) -> Floats:
    size = network.card.input_px
    inputs = resized(pictures.expand(-1, 3, -1, -1).to(network.device), size)
    values: Floats = map_of(network, FEATURES, network.features(inputs), size).float().mean((2, 3)).cpu().numpy()
    return values
