"""Noise on the inputs of a denoising autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

NoiseKind = Literal["pixels", "patch"]


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on every value, or a black square in each picture (Vincent et al. 2008; Pathak et al. 2016)."""

    kind: NoiseKind
    amount: float
    """pixels: standard deviation, relative to a range of 1; patch: side of the square, as a share of the picture's."""

    def on(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures (N, C, S, S) in [0, 1] with noise, same shape and range; `generator` is on their device."""
        if self.kind == "pixels":
            noised: Tensor = pictures + self.amount * torch.randn(
                pictures.shape, generator=generator, device=pictures.device
            )
            return noised.clamp_(0, 1)
        return pictures.masked_fill(self._patches(pictures, generator), 0)

    def _patches(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Boolean masks (N, 1, S, S), True in the square of each picture."""
        count, side, device = len(pictures), pictures.shape[-1], pictures.device
        length = max(1, round(self.amount * side))
        start = torch.randint(side - length + 1, (2, count, 1), generator=generator, device=device)
        position = torch.arange(side, device=device)
        rows, columns = (position >= start) & (position < start + length)  # each (N, S)
        mask: Tensor = (rows[:, :, None] & columns[:, None, :])[:, None]
        return mask
