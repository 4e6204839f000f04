"""What painted pictures are held against, many at a time: the content of their photos, and one style for all.

Distances are those of `core.engine.style.stylization`, in units of the data: 1 of style is what photos have on the
mean, 1 of content a map that says the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.engine.style import stylization
from core.engine.style.stylization import Change, Maps, Region, StyleAim, StyleLayers
from core.method_base.style_encoder import Encoder

Distances = tuple[Tensor, Tensor]
"""Of content and of style, means over pictures, two scalars."""


@dataclass(frozen=True)
class Goal:
    """Made by `goal`."""

    encoder: Encoder
    change: Change
    content_layer: str
    content_rim: int
    """Places at each edge of its map that lie beyond the picture"""
    content_unit: Tensor
    styles: tuple[StyleAim, ...]

    def distances(self, painted: Tensor, photos: Tensor) -> Distances:
        """Of painted pictures (N, 3, H, W) from their photos and from the style; the network sees each once."""
        found = self._read(painted)
        with torch.no_grad():
            wanted = [self._content(maps) for maps in self._read(photos)]
        contents = [
            (self._content(maps) - content).square().sum() / self.content_unit
            for maps, content in zip(found, wanted, strict=True)
        ]
        return torch.stack(contents).mean(), torch.stack([self._style(maps) for maps in found]).mean()

    def _content(self, maps: Maps) -> Tensor:
        return stylization.inner(maps[self.content_layer], self.content_rim)

    def _style(self, maps: Maps) -> Tensor:
        return torch.stack([aim.share * aim.distance(maps[aim.layer]) for aim in self.styles]).sum()

    def _read(self, pictures: Tensor) -> list[Maps]:
        """What is compared of each picture; all go through the network in one pass."""
        parts = torch.cat([self.encoder.parts(picture) for picture in torch.split(pictures, 1)])
        found = self.encoder.read(parts)
        each = len(parts) // len(pictures)
        return [
            {layer: self.change(layer, values[start : start + each]) for layer, values in found.items()}
            for start in range(0, len(parts), each)
        ]


@torch.no_grad()
def goal(encoder: Encoder, photos: Tensor, styles: Sequence[tuple[Tensor, float]], style_layers: StyleLayers) -> Goal:
    """Towards the styles, pictures (1, 3, h, w) with shares, in units of some photos (N, 3, H, W)."""
    size = (photos.shape[2], photos.shape[3])
    first = stylization.aims(encoder, photos[:1], [Region(styles)], style_layers, size)
    one = torch.ones((), device=photos.device)
    plain = tuple(replace(aim, unit=one) for aim in first.styles)
    made = Goal(encoder, first.change, first.content_layer, first.content_rim, one, plain)
    units, spreads = {aim: torch.zeros_like(one) for aim in plain}, []
    for photo in torch.split(photos, 1):
        (maps,) = made._read(photo)  # noqa: SLF001  its own maker
        content = made._content(maps)  # noqa: SLF001
        spreads.append((content - content.mean(dim=(0, 2, 3), keepdim=True)).square().sum())
        for aim in plain:
            units[aim] += aim.distance(maps[aim.layer]) / len(photos)
    measured = tuple(replace(aim, unit=unit.clamp_min(_least(aim.wanted))) for aim, unit in units.items())
    return replace(made, content_unit=torch.stack(spreads).mean().clamp_min(1e-12), styles=measured)


def _least(wanted: Tensor) -> float:
    return max(stylization.LEAST * float(wanted.square().sum()), 1e-30)
