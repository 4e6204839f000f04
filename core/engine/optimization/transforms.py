"""Small random moves of a picture, so that what is found in it does not hang on single pixels.

Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017: shift, scale and turn the picture before each step.
All of it is one affine map a picture, hence one interpolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Moves:
    """How far a picture may be moved; the same for every size of picture."""

    shift: float = 0.06
    """Most, as a share of the side."""
    scale: float = 0.1
    """Most, as a share: 0.1 is 0.9 to 1.1 times."""
    turn: float = 8.0
    """Most, in degrees."""

    @property
    def any(self) -> bool:
        """Whether a picture is moved at all."""
        return bool(self.shift or self.scale or self.turn)


def moved_at(step: int, picture: Tensor, moves: Moves, seed: int) -> Tensor:
    """`moved` as step number `step` of a run draws it: the same when the run is taken up again."""
    return moved(picture, moves, generator_at(step, seed)) if moves.any else picture


def generator_at(step: int, seed: int) -> torch.Generator:
    """Random numbers of step number `step`, on the CPU: the same when a run is taken up again, and on every device."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def number_at(step: int, seed: int, count: int) -> int:
    """A random number below `count`, of step number `step`."""
    return int(torch.randint(count, (), generator=generator_at(step, seed)))


def moved(picture: Tensor, moves: Moves, generator: torch.Generator) -> Tensor:
    """Each picture (N, C, H, W) moved in its own way; what comes in from outside is mirrored.

    `generator` is one of the CPU, so that a seed gives the same moves on every device.
    """
    if not moves.any:
        return picture
    drawn = torch.rand(len(picture), 4, generator=generator) * 2 - 1
    turn, scale = drawn[:, 0] * math.radians(moves.turn), 1 + drawn[:, 1] * moves.scale
    cosine, sine = turn.cos() / scale, turn.sin() / scale
    aspect = picture.shape[2] / picture.shape[3]
    rows = (
        torch.stack([cosine, -sine * aspect, 2 * drawn[:, 2] * moves.shift], dim=1),
        torch.stack([sine / aspect, cosine, 2 * drawn[:, 3] * moves.shift], dim=1),
    )
    maps = torch.stack(rows, dim=1).to(picture)
    grid = functional.affine_grid(maps, list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
