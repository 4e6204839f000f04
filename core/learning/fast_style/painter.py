"""The painter: an image transformation network that stylizes a picture in one pass.

Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155, with later improvements: instance instead of batch normalization
(Ulyanov et al. 2016, arXiv:1607.08022), resize convolutions instead of transposed ones, which leave checkerboards
(Odena et al. 2016), and reflection instead of zero padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seeded

RESIDUAL_BLOCKS = 5
OUTER_KERNEL = 9
"""Kernel side of the first and the last convolution."""
STRIDE_PX = 4
"""Sides are padded to multiples of this by reflection."""


@dataclass(frozen=True)
class Design:
    """Everything a painter is built from, and its styles; JSON by `dataclasses.asdict`."""

    width: int
    """Channels at full size; twice and four times as many at half and quarter size."""
    styles: tuple[str, ...]
    """Digests of the style pictures."""
    shares: tuple[float, ...]
    """Weights of the styles, which sum to 1."""
    style_px: int
    """Longer side of the style pictures in training."""


class Painter(nn.Module):
    """Stylizes pictures of any size."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        width = design.width
        self.encoder = nn.Sequential(
            *_block(3, width, OUTER_KERNEL),
            *_block(width, 2 * width, stride=2),
            *_block(2 * width, 4 * width, stride=2),
        )
        self.residuals = nn.Sequential(*(_Residual(4 * width) for _ in range(RESIDUAL_BLOCKS)))
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2), *_block(4 * width, 2 * width),
            nn.Upsample(scale_factor=2), *_block(2 * width, width),
            *_convolution(width, 3, OUTER_KERNEL),
        )  # fmt: skip

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> same shape and range; sides of at least 8 px."""
        height, width = pictures.shape[2:]
        padded = functional.pad(pictures, (0, -width % STRIDE_PX, 0, -height % STRIDE_PX), mode="reflect")
        stylized: Tensor = self.decoder(self.residuals(self.encoder(padded - 0.5)))
        return stylized[:, :, :height, :width].float().sigmoid()


class _Residual(nn.Module):
    """Residual block of two convolutions, (N, C, H, W) -> same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*_block(channels, channels), *_convolution(channels, channels), _norm(channels))

    def forward(self, values: Tensor) -> Tensor:
        branch: Tensor = self.branch(values)
        return values + branch


def _block(channels: int, channels_out: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [*_convolution(channels, channels_out, kernel, stride), _norm(channels_out), nn.ReLU()]


def _convolution(channels: int, channels_out: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(channels, channels_out, kernel, stride)]


def _norm(channels: int) -> nn.Module:
    """Instance normalization as group normalization with one channel per group, a quarter faster on a CPU."""
    return nn.GroupNorm(channels, channels)


def build(design: Design, seed: int) -> Painter:
    """An untrained painter; its weights depend on the seed alone."""
    with seeded(seed):
        return Painter(design)


@torch.no_grad()
def paint(painter: Painter, pictures: Tensor) -> Tensor:
    """Stylized pictures (N, 3, H, W) in [0, 1] on the painter's device, computed one by one."""
    inputs = pictures.to(painter.device, memory_format=torch.channels_last)
    return torch.cat([painter(picture) for picture in torch.split(inputs, 1)])
