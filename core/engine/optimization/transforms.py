"""Random transforms (jitter, scale, rotation) of a picture, so that results do not depend on single pixels.

Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017: jitter, scale and rotate the picture before each
step. All three form one affine map per picture, hence one interpolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class RandomTransforms:
    """Ranges of the random transforms, relative to the picture's size."""

    jitter: float = 0.06
    """Maximal shift, as a share of the side."""
    scale: float = 0.1
    """Maximal change of scale: 0.1 is 0.9 to 1.1 times."""
    rotate: float = 8.0
    """Maximal rotation in degrees."""

    @property
    def any(self) -> bool:
        """Whether pictures are transformed at all."""
        return bool(self.jitter or self.scale or self.rotate)


def transformed_at(step: int, picture: Tensor, ranges: RandomTransforms, seed: int) -> Tensor:
    """`transformed` with the random numbers of step number `step`: the same after a restart."""
    return transformed(picture, ranges, generator_at(step, seed)) if ranges.any else picture


def generator_at(step: int, seed: int) -> torch.Generator:
    """Generator of step number `step`, on the CPU: the same after a restart, and on every device."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def number_at(step: int, seed: int, count: int) -> int:
    """A random number from 0 to `count` - 1, of step number `step`."""
    return int(torch.randint(count, (), generator=generator_at(step, seed)))


def transformed(picture: Tensor, ranges: RandomTransforms, generator: torch.Generator) -> Tensor:
    """Each picture (N, C, H, W) transformed on its own; same shape, mirrored beyond the edges.

    `generator` is on the CPU, so that a seed gives the same transforms on every device.
    """
    if not ranges.any:
        return picture
    drawn = torch.rand(len(picture), 4, generator=generator) * 2 - 1
    angle, scale = drawn[:, 0] * math.radians(ranges.rotate), 1 + drawn[:, 1] * ranges.scale
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    aspect = picture.shape[2] / picture.shape[3]
    rows = (
        torch.stack([cosine, -sine * aspect, 2 * drawn[:, 2] * ranges.jitter], dim=1),
        torch.stack([sine / aspect, cosine, 2 * drawn[:, 3] * ranges.jitter], dim=1),
    )
    maps = torch.stack(rows, dim=1).to(picture)
    grid = functional.affine_grid(maps, list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
