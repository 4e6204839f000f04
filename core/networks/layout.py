"""The depth of a layer, and its output as a map, for all network families."""

from __future__ import annotations

import math

from torch import Tensor

from core.errors import Undefined
from core.networks.layers import blocks_among
from core.networks.network import Network


def block_names(network: Network) -> list[str]:
    """The layers that count for the depth, see `blocks_among`."""
    return blocks_among(network.layers())


def layer_at(network: Network, depth: float) -> str:
    """The block at this depth: the share of the network's blocks up to its end, above 0 to 1."""
    names = block_names(network)
    return names[max(0, math.ceil(depth * len(names) - 1e-9) - 1)]


def map_of(network: Network, layer: str, output: Tensor, input_shape: tuple[int, int]) -> Tensor:
    """A layer's output as (N, C, h, w); tokens are arranged in their grid, without class token and registers.

    `input_shape`: height and width of the input in pixels. Raises Undefined where the output is not a map.
    """
    aspect = input_shape[0] / input_shape[1]
    if output.ndim not in (2, 3, 4):
        raise Undefined(
            f"the output of layer {layer} of {network.card.name} is not a map: it has {output.ndim} dimensions"
        )
    if output.ndim == 4:
        return as_map(output, aspect, channels_last=_is_channels_last(tuple(output.shape), aspect, network))
    if output.ndim == 2:
        return as_map(output, aspect)
    declared = int(getattr(network.model, "num_prefix_tokens", 0))
    for prefix in (declared, 0, 1, 2):  # before it is added there is no class token; some networks do not declare it
        if _fills_grid(output.shape[1] - prefix, aspect):
            return as_map(output, aspect, prefix)
    raise Undefined(f"the output of layer {layer} of {network.card.name} is not a map: its tokens do not fill a grid")


def as_map(output: Tensor, aspect: float, prefix: int = 0, *, channels_last: bool = False) -> Tensor:
    """An output of 2, 3 or 4 dimensions as a map (N, C, h, w).

    Args:
        output: (N, C), tokens (N, T, C), (N, C, h, w) or (N, h, w, C).
        aspect: height over width of the input, which determines the grid of the tokens.
        prefix: number of leading tokens to omit (class token, registers).
        channels_last: 4 dimensions are (N, h, w, C).
    """
    if output.ndim == 2:
        return output[:, :, None, None]
    if output.ndim == 3:
        tokens = output[:, prefix:]
        height = max(1, round((tokens.shape[1] * aspect) ** 0.5))
        return tokens.reshape(len(tokens), height, -1, tokens.shape[2]).movedim(-1, 1)
    return output.movedim(-1, 1) if channels_last else output


def _is_channels_last(shape: tuple[int, ...], aspect: float, network: Network) -> bool:
    """Whether 4 dimensions are (N, h, w, C): h and w are the pair of sides with the input's aspect."""
    first, last = shape[1] == round(shape[2] * aspect), shape[2] == round(shape[3] * aspect)
    return first if first != last else str(getattr(network.model, "output_fmt", "")) == "NHWC"


def _fills_grid(tokens: int, aspect: float) -> bool:
    """Whether so many tokens fill a grid with the input's aspect."""
    height = round((max(tokens, 0) * aspect) ** 0.5)
    return bool(height > 0 and tokens % height == 0 and tokens // height == round(height / aspect))
