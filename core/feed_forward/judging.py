"""What one network, the same for all, says of a repainted picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.encoder import automatic_wishes, reading
from core.engine import similarity, stylization
from core.feed_forward.painter import Design
from core.items import Item, Scalar
from core.method import Context
from core.networks.network import Network
from core.style import sized

NAMES = ("content_distance", "style_distance", "ssim")
Styles = Sequence[tuple[Tensor, float]]
"""Pictures (1, 3, h, w) with their shares, together 1."""


def styles_of(design: Design, context: Context, device: torch.device | str) -> Styles:
    """The pictures whose style a painter has, as it saw them. Raises BadInput where one is gone."""
    pictures = [sized(context.picture(digest), design.style_px, torch.device(device)) for digest in design.styles]
    return list(zip(pictures, design.shares, strict=True))


@torch.no_grad()
def measures(judge: Network, painted: Tensor, photo: Tensor, styles: Styles) -> dict[str, float]:
    """Of one painted picture (1, 3, H, W) against its photo and the styles, by `NAMES`."""
    wishes = automatic_wishes(judge, photo)
    size = (photo.shape[2], photo.shape[3])
    aims = stylization.aims(reading(judge, wishes), photo, [stylization.Region(styles)], wishes, size)
    content, style = aims.distances(painted)
    values = (content, style, similarity.ssim(painted, photo))
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}


def means(found: Sequence[Mapping[str, float]], judge: str) -> dict[str, Item]:
    """The means of several pictures' measures, under the judge's name."""
    return {
        name: Scalar(value=sum(one[name] for one in found) / len(found), subject="" if name == "ssim" else judge)
        for name in NAMES
    }
