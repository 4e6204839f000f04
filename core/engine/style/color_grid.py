"""Colors changed by a transform that is smooth in position and brightness, so that no edge can move.

The bilateral grid of Gharbi et al., "Deep Bilateral Learning for Real-Time Image Enhancement", 2017, arXiv:1707.02880:
a coarse grid over x, y and brightness holds affine transforms of color; each pixel gets the one at its own position
and brightness, interpolated linearly. Neighboring pixels of similar color stay similar; across an edge of the photo,
the two sides may change independently.
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
"""Of an affine transform of three colors: three rows, each of three factors and an offset."""


@dataclass(frozen=True, eq=False)
class ColorGrid:
    """A photo under a grid of affine color transforms; a `Parameterization` whose leaf is the grid."""

    photo: Tensor
    """(1, 3, H, W) in [0, 1], the picture to recolor"""
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
        """Nothing: transforms have no range."""

    def applied(self, photo: Tensor) -> Tensor:
        """A version of the photo at any size (1, 3, H, W) in [0, 1], in its new colors; same shape and range."""
        rows = functional.grid_sample(
            self.transforms, _grid_coordinates(photo), padding_mode="border", align_corners=True
        )
        transforms = rows.view(1, 3, 4, *photo.shape[2:])
        return clamp((transforms[:, :, :3] * photo[:, None]).sum(dim=2) + transforms[:, :, 3])

    def roughness(self) -> Tensor:
        """Roughness of the grid, a scalar: sum of the mean squared slopes along all axes; 0 where all transforms agree.

        Slopes in x and y are per longer side, in brightness from black to white, whatever the grid's cells.
        """
        shades, rows, columns = self.transforms.shape[2:]
        side = max(rows, columns) - 1
        slopes = [self.transforms.diff(dim=dim) * cells for dim, cells in ((2, shades - 1), (3, side), (4, side))]
        return torch.stack([slope.square().mean() for slope in slopes]).sum()


def color_grid(photo: Tensor, cell_px: float, shades: int) -> ColorGrid:
    """The identity for a photo (1, 3, H, W): a cell every `cell_px` and for each of `shades` >= 2 brightnesses."""
    rows, columns = (max(2, round(side / cell_px) + 1) for side in photo.shape[2:])
    identity = torch.eye(3, 4, dtype=photo.dtype, device=photo.device).reshape(1, COEFFICIENTS, 1, 1, 1)
    transforms = identity.repeat(1, 1, shades, rows, columns)
    return ColorGrid(photo.detach(), transforms.requires_grad_())


def _grid_coordinates(photo: Tensor) -> Tensor:
    """Grid coordinates of each pixel, (1, 1, H, W, 3): x, y and brightness, each from -1 to 1."""
    height, width = photo.shape[2:]
    y, x = (torch.linspace(-1, 1, length, dtype=photo.dtype, device=photo.device) for length in (height, width))
    shade = 2 * luminance(photo)[0, 0] - 1  # (H, W)
    return torch.stack((x.expand(height, -1), y[:, None].expand(-1, width), shade), dim=-1)[None, None]
