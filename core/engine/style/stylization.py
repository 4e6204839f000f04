"""What a picture is to become: like the photo in one layer's values, like the styles in several layers' Gram matrices.

Each distance is measured in a unit of its own layer, so that one set of weights fits every network: content in what
the photo's values vary over the places (0 is the photo, 1 a map that says the same everywhere), style in how far the
photo's style is from the wanted one (1 is the photo, 0 the wanted style).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.optimization.octaves import Size
from core.engine.ranges import resized
from core.engine.style.gram import gram, smoothed

LEAST = 1e-8
"""A unit below this share of what it is made of would measure rounding errors."""

LEAST_PX = 32
"""The shorter side of a picture that is looked at: of less, some networks' pools leave nothing."""

Maps = Mapping[str, Tensor]
"""Layer -> (T, C, h, w)."""
Change = Callable[[str, Tensor], Tensor]
"""A layer's name and map -> the map that is compared."""


class Encoder(Protocol):
    """A network as it looks at pictures of any size."""

    @property
    def margin_px(self) -> int:
        """So far what goes through reaches beyond the picture at every edge; nothing there counts for style.

        Places at an edge see the padding of convolutions: counted, they would hide there what the style lacks, as a
        fringe around the picture.
        """

    def parts(self, picture: Tensor) -> Tensor:
        """(1, C, H, W) as what goes through the network: (T, C, h, w)."""

    def read(self, parts: Tensor) -> Maps:
        """What the layers say, of one pass."""


@dataclass(frozen=True)
class StyleLayers:
    """Which layers stand for content and for style, and how they are compared."""

    content: str
    """The layer whose values are kept."""
    styles: Mapping[str, float]
    """Layers whose Gram matrices are taken over, and the share of each; together 1"""
    smoothing: float = 0.0
    """Above 0: activations go through a softmax first, divided by so many times the photo's greatest one."""


@dataclass(frozen=True)
class Region:
    """A part of the picture and the styles that it takes."""

    styles: Sequence[tuple[Tensor, float]]
    """Pictures (1, 3, h, w) with their shares, together 1; none: the photo's own style is kept"""
    mask: Tensor | None = None
    """(1, 1, H, W) in [0, 1], the part; None: all of it"""


@dataclass(frozen=True, eq=False)
class StyleAim:
    """What a layer's Gram matrix should be, in one region."""

    layer: str
    wanted: Tensor
    """(C, C)"""
    unit: Tensor
    share: float
    """Of the whole style"""
    rim: int = 0
    """Places at each edge that lie beyond the picture"""
    weights: Tensor | None = None
    """(T, 1, h, w) of the places that count"""

    def distance(self, values: Tensor) -> Tensor:
        """Of a map (T, C, h, w), a scalar."""
        return (gram(inner(values, self.rim), self.weights) - self.wanted).square().sum() / self.unit


@dataclass(frozen=True)
class Aims:
    """Everything that a picture is held against, looked at at one size."""

    encoder: Encoder
    size: Size
    """(height, width) at which the picture is looked at"""
    change: Change
    content_layer: str
    content: Tensor
    """(T, C, h, w) of the photo, without the rim"""
    content_unit: Tensor
    styles: tuple[StyleAim, ...]
    content_rim: int = 0
    """Places at each edge that lie beyond the picture: counted, they would hold its edges twice as fast"""

    def distances(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Of content and of style, two scalars, of a picture (1, 3, H, W); the network runs once."""
        content, styles = self.by_layer(picture)
        return content, torch.stack([aim.share * styles[aim] for aim in self.styles]).sum()

    def by_layer(self, picture: Tensor) -> tuple[Tensor, dict[StyleAim, Tensor]]:
        """The content's distance and each style's."""
        found = self.encoder.read(self.encoder.parts(resized(picture, self.size)))
        maps = {layer: self.change(layer, values) for layer, values in found.items()}
        now = inner(maps[self.content_layer], self.content_rim)
        content = (now - self.content).square().sum() / self.content_unit
        return content, {aim: aim.distance(maps[aim.layer]) for aim in self.styles}


@torch.no_grad()
def aims(encoder: Encoder, photo: Tensor, regions: Sequence[Region], style_layers: StyleLayers, size: Size) -> Aims:
    """What the photo (1, 3, H, W) says of its content, and the regions' pictures of their styles.

    All of them are looked at as they are where the photo is scaled to `size`, (height, width).
    """
    seen = _seen(encoder, resized(photo, size), style_layers.smoothing)
    rim = seen.rims[style_layers.content]
    content = inner(seen.maps[style_layers.content], rim)
    around = content - content.mean(dim=(0, 2, 3), keepdim=True)
    styles: list[StyleAim] = []
    for region in regions:
        units = {aim.layer: aim.unit for aim in styles[: len(style_layers.styles)]}
        scaled = _scaled(region, size, size[0] / photo.shape[2])
        said = [(encoder.read(encoder.parts(picture)), part) for picture, part in scaled.styles]
        for layer, share in style_layers.styles.items():
            styles.append(_style_aim(seen, layer, share, said, scaled.mask, units))
    return Aims(encoder, size, seen.change, style_layers.content, content, _unit(around, content), tuple(styles), rim)


@dataclass(frozen=True)
class _Seen:
    """The photo as it is looked at."""

    encoder: Encoder
    change: Change
    maps: Maps
    """As they are compared"""
    rims: Mapping[str, int]
    """Layer -> places at each edge of its map that lie beyond the picture"""


def _seen(encoder: Encoder, photo: Tensor, smoothing: float) -> _Seen:
    parts = encoder.parts(photo)
    plain = encoder.read(parts)
    change = _change(plain, smoothing)
    share = encoder.margin_px / parts.shape[2]
    rims = {layer: math.floor(share * values.shape[2] + 1e-6) for layer, values in plain.items()}
    return _Seen(encoder, change, {layer: change(layer, values) for layer, values in plain.items()}, rims)


def _scaled(region: Region, size: Size, times: float) -> Region:
    """The region with its mask at `size`, and with style pictures so many times as large."""
    styles = [
        (resized(picture, shrunk((picture.shape[2], picture.shape[3]), times)), share)
        for picture, share in region.styles
    ]
    return Region(styles, None if region.mask is None else resized(region.mask, size))


def shrunk(size: Size, times: float) -> Size:
    """(height, width) so many times as large, `LEAST_PX` at least."""
    return max(LEAST_PX, round(size[0] * times)), max(LEAST_PX, round(size[1] * times))


def _change(photo: Maps, smoothing: float) -> Change:
    if not smoothing:
        return lambda _, values: values
    scales = {layer: (smoothing * values.abs().max()).clamp_min(1e-12) for layer, values in photo.items()}
    return lambda layer, values: smoothed(values, scales[layer])


def _style_aim(
    seen: _Seen, layer: str, share: float, styles: Sequence[tuple[Maps, float]], mask: Tensor | None, units: Maps
) -> StyleAim:
    """What a layer should say in a region; where it has no style, `units` measure what is to stay as it is."""
    rim, values = seen.rims[layer], seen.maps[layer]
    weights, area = None, 1.0
    if mask is not None:
        area = float(mask.mean())
        places = functional.adaptive_avg_pool2d(seen.encoder.parts(mask), (values.shape[2], values.shape[3]))
        weights = inner(places, rim)
    own = gram(inner(values, rim), weights)
    if not styles:
        return StyleAim(layer, own, units[layer], share * area, rim, weights)
    grams = [part * gram(inner(seen.change(layer, maps[layer]), rim)) for maps, part in styles]
    wanted = torch.stack(grams).sum(dim=0)
    return StyleAim(layer, wanted, _unit(own - wanted, wanted), share * area, rim, weights)


def inner(values: Tensor, rim: int) -> Tensor:
    """A map (T, C, h, w) without so many places at each edge."""
    return values[:, :, rim : values.shape[2] - rim, rim : values.shape[3] - rim]


def _unit(difference: Tensor, whole: Tensor) -> Tensor:
    return torch.maximum(difference.square().sum(), LEAST * whole.square().sum()).clamp_min(1e-30)


def shared(styles: Sequence[tuple[Tensor, float]]) -> list[tuple[Tensor, float]]:
    """The same with shares that are together 1."""
    whole = sum(share for _, share in styles)
    return [(picture, share / whole) for picture, share in styles]


def changed(regions: Sequence[Region], change: Callable[[Tensor], Tensor]) -> list[Region]:
    """The same regions with other style pictures."""
    return [Region([(change(picture), share) for picture, share in region.styles], region.mask) for region in regions]
