"""Pictures in the features of a network: what its layers before the head say, on the mean over all places."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.engine.ranges import resized
from core.items import Floats
from core.networks.layout import map_of
from core.networks.network import Network

CHUNK = 32
"""Pictures in one pass; they are brought to the network's own size."""


@torch.no_grad()
def features(network: Network, pictures: Tensor) -> Floats:
    """Of pictures (N, C, S, S) in [0, 1], gray or in color: (N, D)."""
    return np.concatenate([_of(network, part) for part in torch.split(pictures, CHUNK)])


def _of(network: Network, pictures: Tensor) -> Floats:
    size = network.card.input_px
    seen = resized(pictures.expand(-1, 3, -1, -1).to(network.device), size)
    values: Floats = map_of(network, "before the head", network.features(seen), size).float().mean((2, 3)).cpu().numpy()
    return values
