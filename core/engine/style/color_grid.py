"""Colors changed by a transform that is smooth in place and brightness, and so can move no edge.

The bilateral grid of Gharbi et al., "Deep Bilateral Learning for Real-Time Image Enhancement", 2017, arXiv:1707.02880:
a coarse grid over x, y and brightness holds affine transforms of color, and each pixel gets the one at its own place
and its own brightness, interpolated linearly. Two pixels that lie side by side and are alike stay alike; where the
photo has an edge, both sides may change by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.ranges import clamp
from core.engine.style.luminance import luminance

COEFFICIENTS = 12
"""Of an affine transform of three colors: three rows of three factors and an offset."""


@dataclass(frozen=True, eq=False)
class ColorGrid:
    """Affine transforms of color, as something that an optimizer moves."""

    photo: Tensor
    """(1, 3, H, W) in [0, 1]: what is changed"""
    transforms: Tensor
    """(1, 12, shades, rows, columns), a leaf that needs a gradient"""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The one leaf."""
        return (self.transforms,)

    def picture(self) -> Tensor:
        """The photo in its new colors, (1, 3, H, W)."""
        return self.applied(self.photo)

    def settle(self, step: int, *, last: bool) -> None:
        """Any transforms will do."""

    def applied(self, photo: Tensor) -> Tensor:
        """The same photo at any size, (1, 3, H, W) in [0, 1], in its new colors."""
        rows = functional.grid_sample(self.transforms, _places(photo), padding_mode="border", align_corners=True)
        transforms = rows.view(1, 3, 4, *photo.shape[2:])
        return clamp((transforms[:, :, :3] * photo[:, None]).sum(dim=2) + transforms[:, :, 3])

    def roughness(self) -> Tensor:
        """How much transforms change, a scalar: mean squares of their slopes, added up; 0 where all are alike.

        Slopes in x and y are per longer side, in brightness from black to white, whatever the grid's cells.
        """
        shades, rows, columns = self.transforms.shape[2:]
        side = max(rows, columns) - 1
        slopes = [self.transforms.diff(dim=dim) * cells for dim, cells in ((2, shades - 1), (3, side), (4, side))]
        return torch.stack([slope.square().mean() for slope in slopes]).sum()


def color_grid(photo: Tensor, cell_px: float, shades: int) -> ColorGrid:
    """One that leaves a photo (1, 3, H, W) as it is, with a cell each `cell_px`, for each of `shades` (from 2)."""
    rows, columns = (max(2, round(side / cell_px) + 1) for side in photo.shape[2:])
    same = torch.eye(3, 4, dtype=photo.dtype, device=photo.device).reshape(1, COEFFICIENTS, 1, 1, 1)
    transforms = same.repeat(1, 1, shades, rows, columns)
    return ColorGrid(photo.detach(), transforms.requires_grad_())


def _places(photo: Tensor) -> Tensor:
    """Where each pixel lies in the grid, (1, 1, H, W, 3): x, y and brightness, each from -1 to 1."""
    height, width = photo.shape[2:]
    y, x = (torch.linspace(-1, 1, length, dtype=photo.dtype, device=photo.device) for length in (height, width))
    shade = 2 * luminance(photo)[0, 0] - 1  # (H, W)
    return torch.stack((x.expand(height, -1), y[:, None].expand(-1, width), shade), dim=-1)[None, None]
