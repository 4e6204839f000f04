"""Measures of stylized pictures by one judge network, the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.engine.style.stylization import Region
from core.items import Item, Scalar
from core.learning.fast_style.painter import Design
from core.method_base.method import Context
from core.method_base.style import sized, style_measures
from core.networks.network import Network

Styles = Sequence[tuple[Tensor, float]]
"""Pictures (1, 3, h, w) with weights that sum to 1."""


def styles_of(design: Design, context: Context, device: torch.device | str) -> Styles:
    """The style pictures of a painter, at the size of its training. Raises BadInput where one is missing."""
    pictures = [sized(context.picture(digest), design.style_px, torch.device(device)) for digest in design.styles]
    return list(zip(pictures, design.shares, strict=True))


@torch.no_grad()
def measures(judge: Network, stylized: Tensor, photos: Tensor, styles: Styles) -> dict[str, Item]:
    """Items of `core.method_base.style.style_measures`, means over stylized pictures (N, 3, H, W)."""
    pairs = zip(torch.split(stylized, 1), torch.split(photos, 1), strict=True)
    items = [style_measures(picture, photo, [Region(styles)], judge) for picture, photo in pairs]
    return {name: _mean([each[name] for each in items]) for name in items[0]}


def _mean(items: Sequence[Item]) -> Item:
    """The mean of the scalars that have a meaning; without any, the first."""
    scalars = [item for item in items if isinstance(item, Scalar)]
    values = [scalar.value for scalar in scalars if scalar.value is not None]
    return replace(scalars[0], value=sum(values) / len(values), reason="") if values else scalars[0]
