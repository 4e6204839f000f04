"""How a network looks at a picture of any size, and which of its layers stand for content and for style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from core import engine, networks
from core.errors import Undefined

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.style.stylization import Maps, StyleLayers
    from core.networks.network import Network

FEW_STAGES = 3
MARGIN_PX = 8
SHIFT_PX = 4
"""Half of the smallest patches that are usual."""
SQUEEZED = 1 / 16
"""Of a window's side."""
TOKEN_DEPTHS = (1 / 6, 1 / 3, 1 / 2, 2 / 3)
"""Blocks that stand for style where a network has no stages."""
TOKEN_CONTENT = 1 / 2


@dataclass(frozen=True)
class Encoder:
    """A network as it looks at pictures of any size; some of its layers are read.

    A CNN sees the picture whole, with a mirrored margin. Any other network takes one size only: it sees the picture in
    windows of that size, which cover it evenly and go through it in one pass, as in a deep dream; a smaller picture is
    enlarged first. It sees all of it a second time, a little shifted, so that the lattice of its patches and the seams
    between windows do not show in what is made by it.
    """

    network: Network
    layers: tuple[str, ...]

    @property
    def margin_px(self) -> int:
        """A CNN sees the picture with a mirrored margin, so that its padding lies outside; windows lie inside it."""
        return MARGIN_PX if self.network.card.family == "cnn" else 0

    def parts(self, picture: Tensor) -> Tensor:
        """(1, C, H, W) as what goes through the network, (T, C, h, w)."""
        card = self.network.card
        if card.family == "cnn":
            return engine.optimization.octaves.mirrored(picture, MARGIN_PX)
        height, width = picture.shape[2:]
        times = max(1.0, card.input_px[0] / height, card.input_px[1] / width)
        size = _fitted(height * times, card.input_px[0]), _fitted(width * times, card.input_px[1])
        return engine.optimization.octaves.windows_twice(engine.ranges.resized(picture, size), card.input_px, SHIFT_PX)

    def read(self, parts: Tensor) -> Maps:
        """What the layers say, (T, C, h, w) each, of one pass as far as the last of them. Raises Undefined."""
        modules = {name: self.network.model.get_submodule(name) for name in self.layers}
        found = engine.activations.outputs_of(modules, self.network.features, parts)
        height, width = parts.shape[2:]
        return {
            name: networks.layout.map_of(self.network, name, output, (height, width)).float()
            for name, output in found.items()
        }


def _fitted(length: float, window: int) -> int:
    """A side's length; what reaches only a little beyond whole windows is squeezed into them, to spare a window."""
    whole = max(1, math.floor(length / window)) * window
    return whole if length - whole <= SQUEEZED * window else round(length)


def reading(network: Network, style_layers: StyleLayers) -> Encoder:
    """The network as it reads the layers that `style_layers` name."""
    return Encoder(network, tuple(dict.fromkeys((*style_layers.styles, style_layers.content))))


def style_layers_by_depth(
    network: Network, content: float, styles: Sequence[float], shares: Sequence[float]
) -> StyleLayers:
    """Layers by the share of the network's blocks, in percent; styles that fall on one block count together."""
    at = partial(networks.layout.layer_at, network)
    found: dict[str, float] = {}
    for depth, share in zip(styles, shares, strict=True):
        found[at(depth / 100)] = found.get(at(depth / 100), 0.0) + share
    return engine.style.stylization.StyleLayers(at(content / 100), found)


def automatic_style_layers(network: Network, photo: Tensor) -> StyleLayers:
    """What fits the network, of a photo (1, 3, H, W).

    A CNN and whatever else has stages, in which maps are of one size: the ends of all stages but the last stand for
    style, the last of these for content, too. Where all maps are of one size: blocks evenly spread, and one halfway.
    """
    ends = _stage_ends(network, photo)
    at = partial(networks.layout.layer_at, network)
    staged = len(ends) >= FEW_STAGES
    styles = ends[:-1] if staged else list(dict.fromkeys(map(at, TOKEN_DEPTHS)))
    content = ends[-2] if staged else at(TOKEN_CONTENT)
    return engine.style.stylization.StyleLayers(content, {name: 1 / len(styles) for name in styles})


def _stage_ends(network: Network, photo: Tensor) -> list[str]:
    """The last block of each size of map, in order of depth."""
    blocks = {name: network.layer(name) for name in networks.layout.block_names(network)}
    parts = Encoder(network, ()).parts(photo)[:1]
    height, width = parts.shape[2:]
    with engine.activations.recorded(blocks) as said:
        network.features(parts)
    last_of: dict[int, str] = {}
    for name in (block for block in blocks if block in said):
        try:
            values = networks.layout.map_of(network, name, said[name], (height, width))
        except Undefined:
            continue
        last_of[values.shape[2] * values.shape[3]] = name
    return list(last_of.values())
