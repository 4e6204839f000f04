"""Blocks of convolutional encoders and decoders: each halves or doubles the side of its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from torch import Tensor, nn
from torch.nn import functional

DoublingKind = Literal["nearest", "unpooling", "transposed"]
MIN_SIDE_PX = 4
"""Sides are halved while they are even and longer than this, and at least twice if they are even."""


def halvings(side_px: int) -> int:
    """How often a picture of side `side_px` is halved."""
    count = 0
    while side_px % 2 == 0 and (side_px > MIN_SIDE_PX or count < 2):
        side_px //= 2
        count += 1
    return count


Layer = TypeVar("Layer", bound="nn.Conv2d | nn.ConvTranspose2d | nn.Linear")


def scale_preserving(layer: Layer, fan_in: float) -> Layer:
    """The layer with random weights that preserve the scale of values, where `fan_in` of them are summed.

    With torch's default weights, values shrink from layer to layer, and deep networks learn slowly at first.
    """
    nn.init.normal_(layer.weight, std=fan_in**-0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Halving(nn.Module):
    """Convolution, GELU, 2 x 2 max pooling."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = scale_preserving(nn.Conv2d(channels_in, channels_out, 3, padding=1), 9 * channels_in)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> (N, C', H/2, W/2), and the flat position of each maximum in the H x W plane, same shape."""
        pooled: tuple[Tensor, Tensor] = functional.max_pool2d(
            functional.gelu(self.convolution(features)), kernel_size=2, return_indices=True
        )
        return pooled


class Nearest(nn.Module):
    """Nearest-neighbor upsampling, then a convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = scale_preserving(nn.Conv2d(channels_in, channels_out, 3, padding=1), 9 * channels_in)

    def forward(self, features: Tensor, positions: Tensor | None = None) -> Tensor:  # noqa: ARG002  one call for all
        """(N, C, H, W) -> (N, C', 2H, 2W)."""
        upsampled: Tensor = self.convolution(functional.interpolate(features, scale_factor=2.0, mode="nearest"))
        return upsampled


class Unpooling(nn.Module):
    """Max unpooling, zeros except at the encoder's maxima (Zeiler and Fergus 2013), then a convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.convolution = scale_preserving(convolution, 9 * channels_in / 4)  # three of four values are zero

    def forward(self, features: Tensor, positions: Tensor) -> Tensor:
        """(N, C, H, W) and the positions of the maxima, same shape -> (N, C', 2H, 2W)."""
        upsampled: Tensor = self.convolution(functional.max_unpool2d(features, positions, kernel_size=(2, 2)))
        return upsampled


class Transposed(nn.Module):
    """Transposed 3 x 3 convolution of stride 2: uneven overlap, which shows as checkerboard artifacts."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        convolution = nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)
        self.convolution = scale_preserving(convolution, 9 * channels_in / 4)  # on average, because of the stride

    def forward(self, features: Tensor, positions: Tensor | None = None) -> Tensor:  # noqa: ARG002  one call for all
        """(N, C, H, W) -> (N, C', 2H, 2W)."""
        upsampled: Tensor = self.convolution(features)
        return upsampled


DOUBLINGS: Mapping[DoublingKind, type[nn.Module]] = {
    "nearest": Nearest,
    "unpooling": Unpooling,
    "transposed": Transposed,
}
"""All three have the same number of parameters."""
