"""Perceptual loss of batches of stylized pictures: the content of each photo, and one style for all.

Distances are those of `core.engine.style.stylization`, in units of the data: a style distance of 1 is the mean of
photos, a content distance of 1 a map that is constant over all positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.engine.style import stylization
from core.engine.style.stylization import Maps, MapTransform, Region, StyleLayers, StyleTarget
from core.method_base.style_encoder import Encoder

Distances = tuple[Tensor, Tensor]
"""Content and style distance, means over pictures, two scalars."""


@dataclass(frozen=True)
class PerceptualLoss:
    """Content and style loss; made by `perceptual_loss`."""

    encoder: Encoder
    transform: MapTransform
    content_layer: str
    content_border: int
    """Positions at each edge of its map that lie beyond the picture."""
    content_unit: Tensor
    styles: tuple[StyleTarget, ...]

    def distances(self, stylized: Tensor, photos: Tensor) -> Distances:
        """Distances of stylized pictures (N, 3, H, W) from their photos and from the style; one forward pass each."""
        stylized_maps = self._read(stylized)
        with torch.no_grad():
            contents = [self._content(maps) for maps in self._read(photos)]
        content_distances = [
            (self._content(maps) - content).square().sum() / self.content_unit
            for maps, content in zip(stylized_maps, contents, strict=True)
        ]
        return torch.stack(content_distances).mean(), torch.stack([self._style(maps) for maps in stylized_maps]).mean()

    def _content(self, maps: Maps) -> Tensor:
        return stylization.inner(maps[self.content_layer], self.content_border)

    def _style(self, maps: Maps) -> Tensor:
        return torch.stack([target.share * target.distance(maps[target.layer]) for target in self.styles]).sum()

    def _read(self, pictures: Tensor) -> list[Maps]:
        """The maps of each picture that are compared, from one forward pass of all."""
        parts = torch.cat([self.encoder.parts(picture) for picture in torch.split(pictures, 1)])
        outputs = self.encoder.read(parts)
        parts_per_picture = len(parts) // len(pictures)
        return [
            {
                layer: self.transform(layer, values[start : start + parts_per_picture])
                for layer, values in outputs.items()
            }
            for start in range(0, len(parts), parts_per_picture)
        ]


@torch.no_grad()
def perceptual_loss(
    encoder: Encoder, photos: Tensor, styles: Sequence[tuple[Tensor, float]], style_layers: StyleLayers
) -> PerceptualLoss:
    """The loss for the styles, pictures (1, 3, h, w) with weights, in units of the photos (N, 3, H, W)."""
    size = (photos.shape[2], photos.shape[3])
    targets = stylization.transfer_targets(encoder, photos[:1], [Region(styles)], style_layers, size)
    unit_scale = torch.ones((), device=photos.device)
    unscaled = tuple(replace(target, unit=unit_scale) for target in targets.styles)
    loss = PerceptualLoss(
        encoder, targets.transform, targets.content_layer, targets.content_border, unit_scale, unscaled
    )
    units, variations = {target: torch.zeros_like(unit_scale) for target in unscaled}, []
    for photo in torch.split(photos, 1):
        (maps,) = loss._read(photo)  # noqa: SLF001  this function is its constructor
        content = loss._content(maps)  # noqa: SLF001
        variations.append((content - content.mean(dim=(0, 2, 3), keepdim=True)).square().sum())
        for target in unscaled:
            units[target] += target.distance(maps[target.layer]) / len(photos)
    scaled = tuple(
        replace(target, unit=unit.clamp_min(_min_unit(target.gram_target))) for target, unit in units.items()
    )
    return replace(loss, content_unit=torch.stack(variations).mean().clamp_min(1e-12), styles=scaled)


def _min_unit(gram: Tensor) -> float:
    return max(stylization.MIN_UNIT * float(gram.square().sum()), 1e-30)
