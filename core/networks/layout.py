"""How deep a layer lies, and how its output is read as a map, for every family of network."""

from __future__ import annotations

import math

from torch import Tensor

from core.errors import Undefined
from core.networks.layers import blocks_among
from core.networks.network import Network


def block_names(network: Network) -> list[str]:
    """The layers that a network's depth is counted in."""
    return blocks_among(network.layers())


def layer_at(network: Network, depth: float) -> str:
    """The block at which this share of the network's blocks, above 0 to 1, is done."""
    names = block_names(network)
    return names[max(0, math.ceil(depth * len(names) - 1e-9) - 1)]


def map_of(network: Network, layer: str, output: Tensor, input_shape: tuple[int, int]) -> Tensor:
    """A layer's output as (N, C, h, w) for an input of (height, width); tokens are folded back to their grid.

    Class token and registers are left out. Raises Undefined where the output has no places and channels.
    """
    aspect = input_shape[0] / input_shape[1]
    if output.ndim not in (2, 3, 4):
        raise Undefined(f"layer {layer} of {network.card.name} gives {output.ndim} dimensions: it has no map")
    if output.ndim == 4:
        return as_map(output, aspect, channels_last=_is_channels_last(tuple(output.shape), aspect, network))
    if output.ndim == 2:
        return as_map(output, aspect)
    declared = int(getattr(network.model, "num_prefix_tokens", 0))
    for prefix in (declared, 0, 1, 2):  # before the class token joins there is none; some networks do not declare it
        if _folds(output.shape[1] - prefix, aspect):
            return as_map(output, aspect, prefix)
    raise Undefined(f"the tokens of layer {layer} of {network.card.name} lie on no grid")


def as_map(output: Tensor, aspect: float, prefix: int = 0, *, channels_last: bool = False) -> Tensor:
    """An output of 2, 3 or 4 dimensions as a map (N, C, h, w).

    `aspect` is the input's height over its width, by which tokens (N, T, C) are folded back to their grid, the first
    `prefix` ones (class token, registers) left out; `channels_last` says of 4 dimensions that they are (N, h, w, C).
    """
    if output.ndim == 2:
        return output[:, :, None, None]
    if output.ndim == 3:
        tokens = output[:, prefix:]
        height = max(1, round((tokens.shape[1] * aspect) ** 0.5))
        return tokens.reshape(len(tokens), height, -1, tokens.shape[2]).movedim(-1, 1)
    return output.movedim(-1, 1) if channels_last else output


def _is_channels_last(shape: tuple[int, ...], aspect: float, network: Network) -> bool:
    """Whether (N, ?, ?, ?) is (N, h, w, C): the sides whose ratio is the input's are the places."""
    first, last = shape[1] == round(shape[2] * aspect), shape[2] == round(shape[3] * aspect)
    return first if first != last else str(getattr(network.model, "output_fmt", "")) == "NHWC"


def _folds(tokens: int, aspect: float) -> bool:
    height = round((max(tokens, 0) * aspect) ** 0.5)
    return bool(height > 0 and tokens % height == 0 and tokens // height == round(height / aspect))
