"""Networks as encoders of pictures of any size, and their layers of content and of style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from core import engine, networks

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.style.stylization import Maps, StyleLayers
    from core.networks.network import Network

MIN_STAGES = 3
"""Stages of a network whose style layers are their ends."""
MARGIN_PX = 8
SHIFT_PX = 4
"""Half of the smallest common patch."""
MAX_EXCESS = 1 / 16
"""Share of a window's side; up to it, a picture is squeezed into the smaller number of windows."""
TOKEN_DEPTHS = (1 / 6, 1 / 3, 1 / 2, 2 / 3)
"""Depths of the style layers of a network without stages."""
TOKEN_CONTENT = 1 / 2
"""Depth of its content layer."""


@dataclass(frozen=True)
class Encoder:
    """A network that encodes pictures of any size, and its layers that are read.

    A CNN takes the whole picture, with a mirrored margin. Any other network takes one size only: windows of that size
    cover the picture evenly and form one batch, as in deep dream; a smaller picture is enlarged first. It is covered a
    second time, slightly shifted, so that the result shows neither the patch grid nor the seams between windows.
    """

    network: Network
    layers: tuple[str, ...]

    @property
    def margin_px(self) -> int:
        """Margin of the picture: mirrored for a CNN, so that its padding lies outside; 0 for windows."""
        return MARGIN_PX if self.network.card.family == "cnn" else 0

    def parts(self, picture: Tensor) -> Tensor:
        """The network's inputs for a picture (1, C, H, W): (T, C, h, w)."""
        card = self.network.card
        if card.family == "cnn":
            return engine.optimization.octaves.mirrored(picture, MARGIN_PX)
        height, width = picture.shape[2:]
        times = max(1.0, card.input_px[0] / height, card.input_px[1] / width)
        size = _fitted(height * times, card.input_px[0]), _fitted(width * times, card.input_px[1])
        return engine.optimization.octaves.windows_twice(engine.ranges.resized(picture, size), card.input_px, SHIFT_PX)

    def read(self, parts: Tensor) -> Maps:
        """Layer -> map (T, C, h, w), from one pass that runs no further than the last layer. Raises Undefined."""
        modules = {name: self.network.model.get_submodule(name) for name in self.layers}
        outputs = engine.activations.outputs_of(modules, self.network.features, parts)
        height, width = parts.shape[2:]
        return {
            name: networks.layout.map_of(self.network, name, output, (height, width)).float()
            for name, output in outputs.items()
        }


def _fitted(length: float, window: int) -> int:
    """A side's length in pixels, rounded down to whole windows where it exceeds them only slightly: saves a window."""
    whole = max(1, math.floor(length / window)) * window
    return whole if length - whole <= MAX_EXCESS * window else round(length)


def encoder_of(network: Network, style_layers: StyleLayers) -> Encoder:
    """The network as an encoder that reads its `style_layers`."""
    return Encoder(network, tuple(dict.fromkeys((*style_layers.styles, style_layers.content))))


def style_layers_by_depth(
    network: Network, content: float, styles: Sequence[float], shares: Sequence[float]
) -> StyleLayers:
    """Layers at these depths, % of blocks, with the weights `shares`, which add up where two depths are one block."""
    at = partial(networks.layout.layer_at, network)
    weights: dict[str, float] = {}
    for depth, share in zip(styles, shares, strict=True):
        weights[at(depth / 100)] = weights.get(at(depth / 100), 0.0) + share
    return engine.style.stylization.StyleLayers(at(content / 100), weights)


def automatic_style_layers(network: Network, photo: Tensor) -> StyleLayers:
    """Layers that suit the network, by the sizes of its maps of a photo (1, 3, H, W).

    With stages, as in a CNN: the ends of all stages but the last for style, and the last of these for content. Without,
    as in a ViT: evenly spaced blocks for style, and the middle one for content.
    """
    ends = _stage_ends(network, photo)
    at = partial(networks.layout.layer_at, network)
    staged = len(ends) >= MIN_STAGES
    styles = ends[:-1] if staged else list(dict.fromkeys(map(at, TOKEN_DEPTHS)))
    content = ends[-2] if staged else at(TOKEN_CONTENT)
    return engine.style.stylization.StyleLayers(content, {name: 1 / len(styles) for name in styles})


def _stage_ends(network: Network, photo: Tensor) -> list[str]:
    """The last block of each map size, in order of depth."""
    blocks = {name: network.layer(name) for name in networks.layout.block_names(network)}
    parts = Encoder(network, ()).parts(photo)[:1]
    height, width = parts.shape[2:]
    with engine.activations.recorded(blocks) as outputs:
        network.features(parts)
    ends: dict[int, str] = {}
    for name in (block for block in blocks if block in outputs):
        if not networks.layout.has_map(network, name):
            continue
        values = networks.layout.map_of(network, name, outputs[name], (height, width))
        ends[values.shape[2] * values.shape[3]] = name
    return list(ends.values())
