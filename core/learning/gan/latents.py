"""Latents by number, and interpolations between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.engine.seeding import seed_of


def numbered_latents(numbers: Sequence[int], width: int) -> Tensor:
    """Standard normal latents, each seeded by its number, (N, D) float32 on the CPU."""
    return torch.stack([torch.randn(width, generator=_generator(number)) for number in numbers])


def step_latents(count: int, width: int, seed: int, step: int) -> Tensor:
    """Random latents of training step `step`, (N, D) on the CPU."""
    return torch.randn(count, width, generator=_generator(seed, step))


def closed_path(latents: Tensor, steps: int) -> Tensor:
    """A closed path through `latents` (K, D), with `steps` from each to the next: (K * steps, D).

    Interpolation is spherical: high-dimensional normal latents lie near a sphere, which lines would leave (White 2016).
    """
    shares = torch.arange(steps) / steps
    paths = [slerp(start, end, shares) for start, end in zip(latents, latents.roll(-1, 0), strict=True)]
    return torch.cat(paths)


def slerp(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Spherical interpolation from `start` (D,) to `end` at `shares` (T,): (T, D); angle and norm are linear."""
    norms = start.norm(), end.norm()
    first, second = start / norms[0], end / norms[1]
    angle = torch.atan2((first - second).norm(), (first + second).norm()) * 2
    share = shares[:, None]
    if angle < 1e-4:
        path = torch.lerp(first, second, share)
    else:
        path = (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)
    return path * torch.lerp(norms[0], norms[1], share)


def _generator(*numbers: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(*numbers))
