"""The network: x' = f(g(x)), with a code h = g(x) of few values between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engine.seeding import seeded
from core.learning.blocks import DOUBLINGS, DoublingKind, Halving, halvings, keeping_size
from core.learning.stored import learned_numbers

Architecture = Literal["linear", "dense", "convolutional"]
FOLLOWING = 0.05
"""How fast the threshold follows those of the batches, a step."""
WIDEST = 8
"""Channels grow up to so many times those of the first convolution."""


@dataclass(frozen=True)
class Design:
    """All that an autoencoder is built from; JSON by `dataclasses.asdict`."""

    architecture: Architecture
    side_px: int
    channels: int
    """1 or 3, of the pictures"""
    code: int
    """Values of the code"""
    width: int = 16
    """Channels of the first convolution; each halving doubles them. A dense one is about as large as that."""
    decoder: DoublingKind = "nearest"
    rectified: bool = False
    """The code has no negative values, so that many of its units can be 0."""
    kept: float | None = None
    """Of a rectified code's values only the greatest stay, this share of them; in training, of each batch's values."""

    @property
    def values(self) -> int:
        """Of a picture."""
        return self.channels * self.side_px**2


Positions = Sequence[Tensor]


class Autoencoder(nn.Module):
    """What the pictures have in common is taken off before the encoder and put back behind the decoder."""

    mean: Tensor
    threshold: Tensor
    """Values of a rectified code stay above it; 0 where not a certain share of them is kept."""

    def __init__(self, design: Design, mean: Tensor) -> None:
        """`mean` (C, S, S): of the pictures to learn from."""
        super().__init__()
        self.design = design
        self.coder: Coder = CODERS[design.architecture](design)
        self.register_buffer("mean", mean)
        self.register_buffer("threshold", torch.zeros(()))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, C, S, S) -> the reconstructions, of the same shape, and the codes (N, D)."""
        codes, positions = self._coded(pictures)
        return self.coder.decode(codes, positions) + self.mean, codes

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, S, S) -> codes (N, D)."""
        return self._coded(pictures)[0]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, D) -> pictures (N, C, S, S), not clamped; where maxima have to have places, the usual ones."""
        return self.coder.decode(codes, self.coder.usual_positions(len(codes))) + self.mean

    @property
    def passed(self) -> int:
        """Numbers of a picture that the decoder is given: the code, and the positions of maxima where it unpools."""
        return self.design.code + sum(positions[0].numel() for positions in self.coder.usual_positions(1))

    @torch.no_grad()
    def learn_usual_positions(self, pictures: Tensor) -> None:
        """Where the maxima of `pictures` (N, C, S, S) mostly are; a code without a picture is decoded with them."""
        self.coder.learn_usual_positions(self._coded(pictures)[1])

    def _coded(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        codes, positions = self.coder.encode(pictures - self.mean)
        return (self._rectified(codes) if self.design.rectified else codes), positions

    def _rectified(self, codes: Tensor) -> Tensor:
        threshold = self.threshold
        if self.training and self.design.kept is not None:
            threshold = torch.quantile(codes.detach().float(), 1 - self.design.kept).clamp_min(0)
            self.threshold.lerp_(threshold, FOLLOWING)
        return codes * (codes > threshold)


class Coder(nn.Module):
    """Encoder and decoder; by itself it needs no positions of maxima."""

    def encode(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        """Pictures (N, C, S, S) less their mean -> codes (N, D) and the positions of maxima, first block first."""
        raise NotImplementedError

    def decode(self, codes: Tensor, positions: Positions) -> Tensor:
        """The way back."""
        raise NotImplementedError

    def usual_positions(self, count: int) -> Positions:  # noqa: ARG002
        """For so many pictures."""
        return ()

    def learn_usual_positions(self, positions: Positions) -> None:
        """From those of many pictures."""


class Dense(Coder):
    """Layers between all values; `linear`: one layer each way, without bias."""

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
    """Blocks that halve the side, a linear layer to the code and back, blocks that double it."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        times = halvings(design.side_px)
        widths = [design.channels, *(design.width * min(2**level, WIDEST) for level in range(times))]
        side = design.side_px // 2**times
        self.shape = (widths[-1], side, side)
        self.halvings = nn.ModuleList(Halving(*pair) for pair in pairwise(widths))
        last = widths[-1] * side**2
        self.to_code = keeping_size(nn.Linear(last, design.code), last)
        self.from_code = keeping_size(nn.Linear(design.code, last), design.code)
        doubling = DOUBLINGS[design.decoder]
        self.doublings = nn.ModuleList(doubling(*pair) for pair in pairwise(widths[::-1]))
        self._usual = []
        if design.decoder == "unpooling":
            for level, channels in enumerate(widths[1:]):
                pooled = design.side_px // 2 ** (level + 1)
                self.register_buffer(f"usual_{level}", _upper_left(channels, pooled))
                self._usual.append(f"usual_{level}")

    def encode(self, pictures: Tensor) -> tuple[Tensor, Positions]:
        features, found = pictures, []
        for halving in self.halvings:
            features, positions = halving(features)
            found.append(positions)
        return self.to_code(features.flatten(1)), found

    def decode(self, codes: Tensor, positions: Positions) -> Tensor:
        features = self.from_code(codes).unflatten(1, self.shape)
        last_first = positions[::-1] or (None,) * len(self.doublings)
        for doubling, places in zip(self.doublings, last_first, strict=True):
            features = doubling(functional.gelu(features), places)
        drawn: Tensor = features
        return drawn

    def usual_positions(self, count: int) -> Positions:
        kept = [self.get_buffer(name) for name in self._usual]
        return [positions.expand(count, *positions.shape) for positions in kept]

    def learn_usual_positions(self, positions: Positions) -> None:
        for name, found in zip(self._usual, positions, strict=False):
            self.get_buffer(name).copy_(found.mode(dim=0).values)


CODERS: dict[Architecture, type[Coder]] = {"linear": Dense, "dense": Dense, "convolutional": Convolutional}


def build(design: Design, mean: Tensor, seed: int) -> Autoencoder:
    """One with random weights, those of the seed."""
    with seeded(seed):
        return Autoencoder(design, mean)


def hidden_width(design: Design) -> int:
    """Units of a dense one's hidden layers: it becomes as large as the convolutional one, where the code lets it."""
    with torch.device("meta"):
        wanted = learned_numbers(Convolutional(design))
    fixed = design.values + design.code  # biases
    a_unit = 2 * (design.values + design.code + 1)
    return max(design.code, round((wanted - fixed) / a_unit))


def _two_layers(values_in: int, hidden: int, values_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(values_in, hidden), nn.GELU(), nn.Linear(hidden, values_out))


def _upper_left(channels: int, side: int) -> Tensor:
    """The first place of each 2 x 2, (channels, side, side) int64: before anything is known."""
    first = torch.arange(side) * 2
    return (first[:, None] * 2 * side + first).expand(channels, side, side).clone()
