"""The depth of a layer, and its output as a map, for all network families."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from core.errors import Undefined
from core.networks.layers import blocks_among
from core.networks.network import Network
from core.networks.places import places_of, tensors_in


def block_names(network: Network) -> list[str]:
    """The layers that count for the depth, see `blocks_among`."""
    return blocks_among(network.layers())


def layer_at(network: Network, depth: float) -> str:
    """The block at this depth: the share of the network's blocks up to its end, above 0 to 1."""
    names = block_names(network)
    return names[max(0, math.ceil(depth * len(names) - 1e-9) - 1)]


def map_of(network: Network, layer: str, output: Any, input_shape: tuple[int, int]) -> Tensor:
    """A layer's output as (N, C, h, w); tokens are arranged in their grid, without class token and registers.

    Args:
        network: The network.
        layer: Name of the layer, or `places.FEATURES`.
        output: What it returned, or values of the shape of that tensor of it that has places.
        input_shape: Height and width of the input in pixels.

    Raises Undefined where the output is not a map.
    """
    values = values_of(network, layer, output)
    return places_of(network, layer).map_of(values, input_shape[0] / input_shape[1])


def values_of(network: Network, layer: str, output: Any) -> Tensor:
    """The tensor with places among those that a layer returned. Raises Undefined where there is none."""
    return output if isinstance(output, Tensor) else tensors_in(output)[places_of(network, layer).member]


def has_map(network: Network, layer: str) -> bool:
    """Whether the layer's output has places of the picture."""
    try:
        places_of(network, layer)
    except Undefined:
        return False
    return True
