"""What convolutional encoders and decoders are made of: a side is halved by each block, or doubled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from torch import Tensor, nn
from torch.nn import functional

DoublingKind = Literal["nearest", "unpooling", "transposed"]
LEAST_SIDE = 4
"""Sides are halved until they are no longer than this, twice at the least, and as long as they are even."""


def halvings(side_px: int) -> int:
    """How often a picture's side is halved."""
    times = 0
    while side_px % 2 == 0 and (side_px > LEAST_SIDE or times < 2):
        side_px //= 2
        times += 1
    return times


Layer = TypeVar("Layer", bound="nn.Conv2d | nn.ConvTranspose2d | nn.Linear")


def keeping_size(layer: Layer, summed: float) -> Layer:
    """The layer with random weights for which values keep their size, where `summed` of them go into one.

    Those that torch gives by default let values shrink from layer to layer; deep ones then hardly begin to learn.
    """
    nn.init.normal_(layer.weight, std=summed**-0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Halving(nn.Module):
    """Convolution, GELU, the maximum of each 2 x 2 places."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = keeping_size(nn.Conv2d(channels_in, channels_out, 3, padding=1), 9 * channels_in)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> (N, C', H/2, W/2), and where each maximum was: its place in the plane of H x W."""
        pooled: tuple[Tensor, Tensor] = functional.max_pool2d(
            functional.gelu(self.convolution(features)), kernel_size=2, return_indices=True
        )
        return pooled


class Nearest(nn.Module):
    """Each value four times, then a convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = keeping_size(nn.Conv2d(channels_in, channels_out, 3, padding=1), 9 * channels_in)

    def forward(self, features: Tensor, positions: Tensor | None = None) -> Tensor:  # noqa: ARG002  one call for all
        """(N, C, H, W) -> (N, C', 2H, 2W)."""
        larger: Tensor = self.convolution(functional.interpolate(features, scale_factor=2.0, mode="nearest"))
        return larger


class Unpooling(nn.Module):
    """Each value where the encoder's maximum was, zeros around it (Zeiler and Fergus 2013), then a convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.convolution = keeping_size(convolution, 9 * channels_in / 4)  # of four values, three are zeros

    def forward(self, features: Tensor, positions: Tensor) -> Tensor:
        """(N, C, H, W) and the positions of its C channels -> (N, C', 2H, 2W)."""
        larger: Tensor = self.convolution(functional.max_unpool2d(features, positions, kernel_size=(2, 2)))
        return larger


class Transposed(nn.Module):
    """A transposed convolution, 3 x 3 with stride 2: some places get more contributions than others, a checkerboard."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        convolution = nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)
        self.convolution = keeping_size(convolution, 9 * channels_in / 4)  # by the stride, on the mean

    def forward(self, features: Tensor, positions: Tensor | None = None) -> Tensor:  # noqa: ARG002  one call for all
        """(N, C, H, W) -> (N, C', 2H, 2W)."""
        larger: Tensor = self.convolution(features)
        return larger


DOUBLINGS: Mapping[DoublingKind, type[nn.Module]] = {
    "nearest": Nearest,
    "unpooling": Unpooling,
    "transposed": Transposed,
}
"""All three learn equally many numbers."""
