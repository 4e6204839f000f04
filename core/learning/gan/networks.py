"""Generator and discriminator of a DCGAN (Radford et al. 2015): strided convolutions double or halve a side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from core.engine.seeding import seeded
from core.learning.blocks import halvings

Normalization = Literal["batch", "spectral"]
MIN_SIDE_PX = 4
"""Side of the generator's first and the discriminator's last features."""
KERNEL, STRIDE, PADDING = 4, 2, 1
"""The stride divides the kernel: overlap is even, without checkerboard artifacts."""
SLOPE = 0.2
WEIGHT_STD = 0.02
"""Standard deviation of the initial weights."""


@dataclass(frozen=True)
class Design:
    """Everything both networks are built from; JSON by `dataclasses.asdict`."""

    side_px: int
    """16, 32 or 64."""
    channels: int
    """Channels of the pictures, 1 or 3."""
    latent: int
    """Size of a latent."""
    width: int
    """Channels at the largest side, doubled at each smaller one."""

    @property
    def widths(self) -> list[int]:
        """Channels from the pictures down to the smallest side."""
        return [self.channels, *(self.width * 2**level for level in range(halvings(self.side_px)))]


class Generator(nn.Module):
    """Latents -> pictures: a linear layer, then transposed convolutions with batch normalization and ReLU."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        *inner, last = pairwise(design.widths[::-1])
        self.shape = (design.widths[-1], MIN_SIDE_PX, MIN_SIDE_PX)
        self.start = nn.Linear(design.latent, design.widths[-1] * MIN_SIDE_PX**2, bias=False)
        parts: list[nn.Module] = [nn.BatchNorm2d(design.widths[-1]), nn.ReLU()]
        for wide, narrow in inner:
            parts += [_doubling(wide, narrow, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
        self.doublings = nn.Sequential(*parts, _doubling(*last, bias=True))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (N, D) -> pictures (N, C, S, S) in [0, 1]."""
        features = self.start(latents).unflatten(1, self.shape).contiguous(memory_format=torch.channels_last)
        pictures: Tensor = (torch.tanh(self.doublings(features)) + 1) / 2
        return pictures


class Discriminator(nn.Module):
    """Pictures -> logits of being real: convolutions with leaky ReLU, and a linear layer.

    Batch normalization after all convolutions but the first, or spectral normalization of all layers (Miyato et al.
    2018).
    """

    def __init__(self, design: Design, normalization: Normalization) -> None:
        super().__init__()
        first, *inner = pairwise(design.widths)
        batch = normalization == "batch"
        parts: list[nn.Module] = [_halving(*first, bias=True), nn.LeakyReLU(SLOPE)]
        for narrow, wide in inner:
            parts += [_halving(narrow, wide, bias=not batch), *([nn.BatchNorm2d(wide)] if batch else [])]
            parts.append(nn.LeakyReLU(SLOPE))
        self.layers = nn.Sequential(*parts, nn.Flatten(), nn.Linear(design.widths[-1] * MIN_SIDE_PX**2, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, S, S) in [0, 1] -> logits (N,), above 0 for real."""
        logits: Tensor = self.layers((2 * pictures - 1).contiguous(memory_format=torch.channels_last))
        return logits.flatten()


def build(design: Design, normalization: Normalization, seed: int) -> tuple[Generator, Discriminator]:
    """Generator and discriminator with random weights that depend on the seed alone."""
    with seeded(seed):
        generator, discriminator = Generator(design), Discriminator(design, normalization)
        for part in (*generator.modules(), *discriminator.modules()):
            _initialize(part)
        if normalization == "spectral":
            for part in discriminator.layers:
                if isinstance(part, nn.Conv2d | nn.Linear):
                    spectral_norm(part)
    return generator, discriminator


def _initialize(part: nn.Module) -> None:
    """Initialize a layer as in the paper: normal weights, around 0 or, in batch normalization, around 1."""
    if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(part.weight, 0, WEIGHT_STD)
    elif isinstance(part, nn.BatchNorm2d):
        nn.init.normal_(part.weight, 1, WEIGHT_STD)


def _doubling(wide: int, narrow: int, *, bias: bool) -> nn.Module:
    return nn.ConvTranspose2d(wide, narrow, KERNEL, STRIDE, PADDING, bias=bias)


def _halving(narrow: int, wide: int, *, bias: bool) -> nn.Module:
    return nn.Conv2d(narrow, wide, KERNEL, STRIDE, PADDING, bias=bias)
