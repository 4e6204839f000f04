"""What one network, the same for all, says of painted pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.engine.style.stylization import Region
from core.items import Item, Scalar
from core.learning.fast_style.painter import Design
from core.method_base.method import Context
from core.method_base.style import measured, sized
from core.networks.network import Network

Styles = Sequence[tuple[Tensor, float]]
"""Pictures (1, 3, h, w) with their shares, together 1."""


def styles_of(design: Design, context: Context, device: torch.device | str) -> Styles:
    """The pictures whose style a painter has, as it saw them. Raises BadInput where one is gone."""
    pictures = [sized(context.picture(digest), design.style_px, torch.device(device)) for digest in design.styles]
    return list(zip(pictures, design.shares, strict=True))


@torch.no_grad()
def measures(judge: Network, painted: Tensor, photos: Tensor, styles: Styles) -> dict[str, Item]:
    """Means over painted pictures (N, 3, H, W) of what each is measured by: `core.method_base.style.MEASURED`."""
    pairs = zip(torch.split(painted, 1), torch.split(photos, 1), strict=True)
    found = [measured(drawn, photo, [Region(styles)], judge) for drawn, photo in pairs]
    return {name: _mean([each[name] for each in found]) for name in found[0]}


def _mean(items: Sequence[Item]) -> Item:
    scalars = [item for item in items if isinstance(item, Scalar)]
    return replace(scalars[0], value=sum(scalar.value for scalar in scalars) / len(scalars))
