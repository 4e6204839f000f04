"""The autoencoder network: x' = f(g(x)), with a code h = g(x) of few values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seeded
from core.learning.blocks import DOUBLINGS, DoublingKind, Halving, halvings, scale_preserving
from core.learning.stored import parameter_count

Architecture = Literal["linear", "dense", "convolutional"]
THRESHOLD_RATE = 0.05
"""Rate of the moving average of the threshold over batches, per step."""
MAX_WIDTH_FACTOR = 8
"""Channels grow up to this factor of those of the first convolution."""


@dataclass(frozen=True)
class Design:
    """Everything an autoencoder is built from; JSON by `dataclasses.asdict`."""

    architecture: Architecture
    side_px: int
    channels: int
    """Channels of the pictures, 1 or 3."""
    code: int
    """Values of the code."""
    width: int = 16
    """Channels of the first convolution, doubled at each halving; a dense network has about as many parameters."""
    decoder: DoublingKind = "nearest"
    rectified: bool = False
    """Whether negative values of the code become 0."""
    kept: float | None = None
    """Share of a rectified code's values that are kept, the largest ones; in training, of each batch's values."""

    @property
    def values(self) -> int:
        """Values of a picture."""
        return self.channels * self.side_px**2


Positions = Sequence[Tensor]


class Autoencoder(nn.Module):
    """Encoder and decoder around the pictures' mean, which is subtracted before and added after."""

    mean: Tensor
    threshold: Tensor
    """Values of a rectified code up to this become 0; it is 0 unless `Design.kept` is set."""

    def __init__(self, design: Design, mean: Tensor) -> None:
        """`mean` (C, S, S): mean of the training pictures."""
        super().__init__()
        self.design = design
        self.coder: Coder = CODERS[design.architecture](design)
        self.register_buffer("mean", mean)
        self.register_buffer("threshold", torch.zeros(()))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, C, S, S) -> reconstructions, same shape, and codes (N, D)."""
        codes, positions = self._coded(pictures)
        return self.coder.decode(codes, positions) + self.mean, codes

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, S, S) -> codes (N, D)."""
        return self._coded(pictures)[0]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, D) -> pictures (N, C, S, S), not clipped; unpooling uses the default positions."""
        return self.coder.decode(codes, self.coder.default_positions(len(codes))) + self.mean

    @property
    def decoder_inputs(self) -> int:
        """Values that the decoder receives per picture: the code and, with unpooling, the positions of maxima."""
        return self.design.code + sum(positions[0].numel() for positions in self.coder.default_positions(1))

    @torch.no_grad()
    def learn_default_positions(self, pictures: Tensor) -> None:
        """Set the default positions to the most frequent maxima of `pictures` (N, C, S, S)."""
        self.coder.learn_default_positions(self._coded(pictures)[1])

    def _coded(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        codes, positions = self.coder.encode(pictures - self.mean)
        return (self._rectified(codes) if self.design.rectified else codes), positions

    def _rectified(self, codes: Tensor) -> Tensor:
        threshold = self.threshold
        if self.training and self.design.kept is not None:
            threshold = torch.quantile(codes.detach().float(), 1 - self.design.kept).clamp_min(0)
            self.threshold.lerp_(threshold, THRESHOLD_RATE)
        return codes * (codes > threshold)


class Coder(nn.Module):
    """Encoder and decoder; this base has no positions of maxima."""

    def encode(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        """Centered pictures (N, C, S, S) -> codes (N, D) and the positions of maxima, first block first."""
        raise NotImplementedError

    def decode(self, codes: Tensor, positions: Positions) -> Tensor:
        """Codes (N, D) and positions of maxima -> centered pictures (N, C, S, S)."""
        raise NotImplementedError

    def default_positions(self, count: int) -> Positions:  # noqa: ARG002
        """Default positions of maxima for `count` pictures, first block first."""
        return ()

    def learn_default_positions(self, positions: Positions) -> None:
        """Set the default positions from the positions of many pictures."""


class Dense(Coder):
    """Fully connected layers; `linear`: one each way, without bias; else two."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        if design.architecture == "linear":
            self.encoder: nn.Module = nn.Linear(design.values, design.code, bias=False)
            self.decoder: nn.Module = nn.Linear(design.code, design.values, bias=False)
        else:
            hidden = hidden_width(design)
            self.encoder = _two_layers(design.values, hidden, design.code)
            self.decoder = _two_layers(design.code, hidden, design.values)
        self.shape = (design.channels, design.side_px, design.side_px)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        return self.encoder(pictures.flatten(1)), ()

    def decode(self, codes: Tensor, positions: Positions) -> Tensor:  # noqa: ARG002
        pictures: Tensor = self.decoder(codes).unflatten(1, self.shape)
        return pictures


class Convolutional(Coder):
    """Halving blocks, a linear layer to the code and back, and doubling blocks."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        levels = halvings(design.side_px)
        widths = [design.channels, *(design.width * min(2**level, MAX_WIDTH_FACTOR) for level in range(levels))]
        side = design.side_px // 2**levels
        self.shape = (widths[-1], side, side)
        self.halvings = nn.ModuleList(Halving(*pair) for pair in pairwise(widths))
        flat_size = widths[-1] * side**2
        self.to_code = scale_preserving(nn.Linear(flat_size, design.code), flat_size)
        self.from_code = scale_preserving(nn.Linear(design.code, flat_size), design.code)
        doubling = DOUBLINGS[design.decoder]
        self.doublings = nn.ModuleList(doubling(*pair) for pair in pairwise(widths[::-1]))
        self._default_buffers = []
        if design.decoder == "unpooling":
            for level, channels in enumerate(widths[1:]):
                pooled = design.side_px // 2 ** (level + 1)
                self.register_buffer(f"default_{level}", _upper_left(channels, pooled))
                self._default_buffers.append(f"default_{level}")

    def encode(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        features, maxima = pictures, []
        for halving in self.halvings:
            features, positions = halving(features)
            maxima.append(positions)
        return self.to_code(features.flatten(1)), maxima

    def decode(self, codes: Tensor, positions: Positions) -> Tensor:
        features = self.from_code(codes).unflatten(1, self.shape)
        last_first = positions[::-1] or (None,) * len(self.doublings)
        for doubling, level_positions in zip(self.doublings, last_first, strict=True):
            features = doubling(functional.gelu(features), level_positions)
        pictures: Tensor = features
        return pictures

    def default_positions(self, count: int) -> Positions:
        defaults = [self.get_buffer(name) for name in self._default_buffers]
        return [positions.expand(count, *positions.shape) for positions in defaults]

    def learn_default_positions(self, positions: Positions) -> None:
        for name, maxima in zip(self._default_buffers, positions, strict=False):
            self.get_buffer(name).copy_(maxima.mode(dim=0).values)


CODERS: dict[Architecture, type[Coder]] = {"linear": Dense, "dense": Dense, "convolutional": Convolutional}


def build(design: Design, mean: Tensor, seed: int) -> Autoencoder:
    """An autoencoder with random weights that depend on the seed alone."""
    with seeded(seed):
        return Autoencoder(design, mean)


def hidden_width(design: Design) -> int:
    """Hidden units of a dense network, for about as many parameters as in the convolutional one."""
    with torch.device("meta"):
        parameters = parameter_count(Convolutional(design))
    biases = design.values + design.code
    per_unit = 2 * (design.values + design.code + 1)
    return max(design.code, round((parameters - biases) / per_unit))


def _two_layers(values_in: int, hidden: int, values_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(values_in, hidden), nn.GELU(), nn.Linear(hidden, values_out))


def _upper_left(channels: int, side: int) -> Tensor:
    """Flat positions of the upper left of each 2 x 2, (channels, side, side) int64."""
    first = torch.arange(side) * 2
    return (first[:, None] * 2 * side + first).expand(channels, side, side).clone()
