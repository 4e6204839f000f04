"""Latents, each with a number, and ways between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.engine.seeding import seed_of


def numbered(numbers: Sequence[int], width: int) -> Tensor:
    """The latents of these numbers, (N, D) float32 on the CPU: normal, and the same for every generator."""
    return torch.stack([torch.randn(width, generator=_generator(number)) for number in numbers])


def of_step(count: int, width: int, seed: int, step: int) -> Tensor:
    """Those that a step learns with, (N, D) on the CPU."""
    return torch.randn(count, width, generator=_generator(seed, step))


def around(stations: Tensor, between: int) -> Tensor:
    """From each of `stations` (K, D) to the next, from the last to the first, `between` steps each: (K between, D).

    Along the sphere: normal latents of many values lie near one, and a straight way would leave it (White 2016).
    """
    shares = torch.arange(between) / between
    ways = [spherical(here, there, shares) for here, there in zip(stations, stations.roll(-1, 0), strict=True)]
    return torch.cat(ways)


def spherical(here: Tensor, there: Tensor, shares: Tensor) -> Tensor:
    """At `shares` (T,) of the way from `here` (D,) to `there`: (T, D); angle and length change evenly."""
    lengths = here.norm(), there.norm()
    first, second = here / lengths[0], there / lengths[1]
    angle = torch.atan2((first - second).norm(), (first + second).norm()) * 2
    at = shares[:, None]
    if angle < 1e-4:
        way = torch.lerp(first, second, at)
    else:
        way = (torch.sin((1 - at) * angle) * first + torch.sin(at * angle) * second) / torch.sin(angle)
    return way * torch.lerp(lengths[0], lengths[1], at)


def _generator(*decided_by: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(*decided_by))
