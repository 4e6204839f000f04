"""Losses of style transfer: content as the values of one layer, style as the Gram matrices of several layers.

Each distance is measured in a unit of its own layer, so that one set of weights fits every network: content relative to
the photo's spatial variation (0 is the photo, 1 a map that is constant over all positions), style relative to the
photo's distance from the target style (1 is the photo, 0 the target style).
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

MIN_UNIT = 1e-8
"""Lower bound of a unit relative to the squared values; a smaller one would measure rounding errors."""

MIN_SIDE_PX = 32
"""Minimal shorter side of a picture: smaller ones vanish in the pooling of some networks."""

Maps = Mapping[str, Tensor]
"""Layer -> (T, C, h, w)."""
MapTransform = Callable[[str, Tensor], Tensor]
"""(layer's name, its map) -> the map that is compared."""


class Encoder(Protocol):
    """A network that reads pictures of any size."""

    @property
    def margin_px(self) -> int:
        """Margin around the picture that goes through the network too, but is left out of all distances.

        Positions at an edge see the padding of convolutions: with them, the style there would show as a fringe around
        the picture.
        """

    def parts(self, picture: Tensor) -> Tensor:
        """A picture (1, C, H, W) as the network's inputs, (T, C, h, w)."""

    def read(self, parts: Tensor) -> Maps:
        """Layer -> map, from one forward pass of inputs (T, C, h, w)."""


@dataclass(frozen=True)
class StyleLayers:
    """Layers of content and of style, and how they are compared."""

    content: str
    """The layer whose values are preserved."""
    styles: Mapping[str, float]
    """Layers whose Gram matrices are matched -> weight; the weights sum to 1."""
    smoothing: float = 0.0
    """0: none; above: activations go through a softmax, divided by this times the photo's maximal activation."""


@dataclass(frozen=True)
class Region:
    """A part of the picture and its styles."""

    styles: Sequence[tuple[Tensor, float]]
    """Pictures (1, 3, h, w) with weights that sum to 1; empty: the photo's own style is preserved."""
    mask: Tensor | None = None
    """(1, 1, H, W) in [0, 1]; None: the whole picture."""


@dataclass(frozen=True, eq=False)
class StyleTarget:
    """Target for the Gram matrix of a layer in one region."""

    layer: str
    gram_target: Tensor
    """(C, C)"""
    unit: Tensor
    share: float
    """Weight among all style targets."""
    border: int = 0
    """Positions at each edge that lie beyond the picture."""
    weights: Tensor | None = None
    """(T, 1, h, w) of the positions; None: uniform."""

    def distance(self, values: Tensor) -> Tensor:
        """Distance of a map (T, C, h, w) from the target, a scalar."""
        return (gram(inner(values, self.border), self.weights) - self.gram_target).square().sum() / self.unit


@dataclass(frozen=True)
class TransferTargets:
    """Content and style targets of a picture, at one size."""

    encoder: Encoder
    size: Size
    """(height, width) to which the picture is resized."""
    transform: MapTransform
    content_layer: str
    content: Tensor
    """(T, C, h, w) of the photo, without the border"""
    content_unit: Tensor
    styles: tuple[StyleTarget, ...]
    content_border: int = 0
    """Positions at each edge that lie beyond the picture; with them, its edges would count twice."""

    @property
    def photo_is_plain(self) -> bool:
        """Whether the photo's content is the same everywhere, so that content distances have no unit."""
        return _is_smallest(self.content_unit, self.content)

    @property
    def photo_has_style(self) -> bool:
        """Whether the photo already has the style, so that style distances have no unit."""
        return all(_is_smallest(target.unit, target.gram_target) for target in self.styles)

    def distances(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Content and style distance of a picture (1, 3, H, W), two scalars; the network runs once."""
        content, styles = self.by_layer(picture)
        return content, torch.stack([target.share * styles[target] for target in self.styles]).sum()

    def by_layer(self, picture: Tensor) -> tuple[Tensor, dict[StyleTarget, Tensor]]:
        """Content distance, a scalar, and the distance of each style target."""
        outputs = self.encoder.read(self.encoder.parts(resized(picture, self.size)))
        maps = {layer: self.transform(layer, values) for layer, values in outputs.items()}
        current = inner(maps[self.content_layer], self.content_border)
        content = (current - self.content).square().sum() / self.content_unit
        return content, {target: target.distance(maps[target.layer]) for target in self.styles}


@torch.no_grad()
def transfer_targets(
    encoder: Encoder, photo: Tensor, regions: Sequence[Region], style_layers: StyleLayers, size: Size
) -> TransferTargets:
    """Targets from the content of the photo (1, 3, H, W) and the styles of the regions.

    The photo is resized to `size`, (height, width), and masks and style pictures by the same factor.
    """
    view = _view_of(encoder, resized(photo, size), style_layers.smoothing)
    border = view.borders[style_layers.content]
    content = inner(view.maps[style_layers.content], border)
    deviation = content - content.mean(dim=(0, 2, 3), keepdim=True)
    styles: list[StyleTarget] = []
    for region in regions:
        units = {target.layer: target.unit for target in styles[: len(style_layers.styles)]}
        scaled = _scaled(region, size, size[0] / photo.shape[2])
        style_maps = [(encoder.read(encoder.parts(picture)), share) for picture, share in scaled.styles]
        for layer, share in style_layers.styles.items():
            styles.append(_style_target(view, layer, share, style_maps, scaled.mask, units))
    return TransferTargets(
        encoder, size, view.transform, style_layers.content, content, _unit(deviation, content), tuple(styles), border
    )


@dataclass(frozen=True)
class _PhotoView:
    """The network's maps of the photo."""

    encoder: Encoder
    transform: MapTransform
    maps: Maps
    """Layer -> map, as it is compared."""
    borders: Mapping[str, int]
    """Layer -> positions at each edge of its map that lie beyond the picture."""


def _view_of(encoder: Encoder, photo: Tensor, smoothing: float) -> _PhotoView:
    parts = encoder.parts(photo)
    outputs = encoder.read(parts)
    transform = _map_transform(outputs, smoothing)
    share = encoder.margin_px / parts.shape[2]
    borders = {layer: math.floor(share * values.shape[2] + 1e-6) for layer, values in outputs.items()}
    return _PhotoView(
        encoder, transform, {layer: transform(layer, values) for layer, values in outputs.items()}, borders
    )


def _scaled(region: Region, size: Size, factor: float) -> Region:
    """The region with its mask resized to `size` and its style pictures scaled by `factor`."""
    styles = [
        (resized(picture, scaled_size((picture.shape[2], picture.shape[3]), factor)), share)
        for picture, share in region.styles
    ]
    return Region(styles, None if region.mask is None else resized(region.mask, size))


def scaled_size(size: Size, factor: float) -> Size:
    """(height, width) scaled by `factor`, or by more until the shorter side has `MIN_SIDE_PX`: the shape is kept."""
    factor = max(factor, MIN_SIDE_PX / min(size))
    return round(size[0] * factor), round(size[1] * factor)


def _map_transform(photo: Maps, smoothing: float) -> MapTransform:
    if not smoothing:
        return lambda _, values: values
    scales = {layer: (smoothing * values.abs().max()).clamp_min(1e-12) for layer, values in photo.items()}
    return lambda layer, values: smoothed(values, scales[layer])


def _style_target(
    view: _PhotoView, layer: str, share: float, styles: Sequence[tuple[Maps, float]], mask: Tensor | None, units: Maps
) -> StyleTarget:
    """Target of a layer in a region; without a style it is the photo's own Gram matrix, measured in `units`."""
    border, values = view.borders[layer], view.maps[layer]
    weights, area = None, 1.0
    if mask is not None:
        area = float(mask.mean())
        position_weights = functional.adaptive_avg_pool2d(view.encoder.parts(mask), (values.shape[2], values.shape[3]))
        weights = inner(position_weights, border)
    own = gram(inner(values, border), weights)
    if not styles:
        return StyleTarget(layer, own, units[layer], share * area, border, weights)
    grams = [share * gram(inner(view.transform(layer, maps[layer]), border)) for maps, share in styles]
    gram_target = torch.stack(grams).sum(dim=0)
    return StyleTarget(layer, gram_target, _unit(own - gram_target, gram_target), share * area, border, weights)


def inner(values: Tensor, border: int) -> Tensor:
    """A map (T, C, h, w) without `border` positions at each edge."""
    return values[:, :, border : values.shape[2] - border, border : values.shape[3] - border]


def _unit(difference: Tensor, total: Tensor) -> Tensor:
    return torch.maximum(difference.square().sum(), MIN_UNIT * total.square().sum()).clamp_min(1e-30)


def _is_smallest(unit: Tensor, total: Tensor) -> bool:
    """Whether a unit of `_unit` is its lower bound."""
    return bool(unit <= (MIN_UNIT * total.square().sum()).clamp_min(1e-30))


def normalized_shares(styles: Sequence[tuple[Tensor, float]]) -> list[tuple[Tensor, float]]:
    """Styles with their weights divided by the sum of all."""
    total = sum(share for _, share in styles)
    return [(picture, share / total) for picture, share in styles]


def map_styles(regions: Sequence[Region], function: Callable[[Tensor], Tensor]) -> list[Region]:
    """The regions with `function` applied to each style picture."""
    return [Region([(function(picture), share) for picture, share in region.styles], region.mask) for region in regions]
