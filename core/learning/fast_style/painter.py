"""The network that repaints a picture in one pass.

Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155, with what was found to be better since: instance normalization in place
of that of batches (Ulyanov et al. 2016, arXiv:1607.08022), nearest neighbors and a convolution in place of transposed
convolutions, which leave checkerboards (Odena et al. 2016), and mirrored edges in place of black ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seeded

RESIDUALS = 5
WIDE = 9
"""Side of the first and the last convolution."""
STRIDE_PX = 4
"""Sides are brought to multiples of it, by mirroring."""


@dataclass(frozen=True)
class Design:
    """All that a painter is built from, and what it was trained for; JSON by `dataclasses.asdict`."""

    width: int
    """Channels at full size; twice and four times as many at a half and a quarter of it"""
    styles: tuple[str, ...]
    """Digests of the pictures whose style it has"""
    shares: tuple[float, ...]
    """Of each, together 1"""
    style_px: int
    """Longer side at which it saw them"""


class Painter(nn.Module):
    """Pictures -> the same in a style, of the same size, which may be any."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        width = design.width
        self.shrinking = nn.Sequential(
            *_block(3, width, WIDE), *_block(width, 2 * width, stride=2), *_block(2 * width, 4 * width, stride=2)
        )
        self.repainting = nn.Sequential(*(_Residual(4 * width) for _ in range(RESIDUALS)))
        self.growing = nn.Sequential(
            nn.Upsample(scale_factor=2), *_block(4 * width, 2 * width),
            nn.Upsample(scale_factor=2), *_block(2 * width, width),
            *_convolution(width, 3, WIDE),
        )  # fmt: skip

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> the same, in [0, 1]; sides of 8 px at least."""
        height, width = pictures.shape[2:]
        fitted = functional.pad(pictures, (0, -width % STRIDE_PX, 0, -height % STRIDE_PX), mode="reflect")
        drawn: Tensor = self.growing(self.repainting(self.shrinking(fitted - 0.5)))
        return drawn[:, :, :height, :width].float().sigmoid()


class _Residual(nn.Module):
    """What two convolutions add to their input, (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.added = nn.Sequential(*_block(channels, channels), *_convolution(channels, channels), _norm(channels))

    def forward(self, values: Tensor) -> Tensor:
        added: Tensor = self.added(values)
        return values + added


def _block(channels: int, others: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    return [*_convolution(channels, others, side, stride), _norm(others), nn.ReLU()]


def _convolution(channels: int, others: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.ReflectionPad2d(side // 2), nn.Conv2d(channels, others, side, stride)]


def _norm(channels: int) -> nn.Module:
    """Instance normalization, as that of groups of one channel: the same, and on a CPU a quarter faster."""
    return nn.GroupNorm(channels, channels)


def build(design: Design, seed: int) -> Painter:
    """One that has learned nothing; its weights belong to the seed."""
    with seeded(seed):
        return Painter(design)


@torch.no_grad()
def painted(painter: Painter, pictures: Tensor) -> Tensor:
    """One pass of (N, 3, H, W) in [0, 1], picture by picture, on the painter's device: as many of the same size."""
    given = pictures.to(painter.device, memory_format=torch.channels_last)
    return torch.cat([painter(picture) for picture in torch.split(given, 1)])
