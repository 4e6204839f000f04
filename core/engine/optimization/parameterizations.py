"""Parameterizations: the tensors that are optimized, and the pictures they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from core.engine.ranges import Range, as_stored


class Parameterization(Protocol):
    """Tensors that are optimized, and the pictures (N, 3, H, W) they stand for."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """Leaves that need gradients."""

    def picture(self) -> Tensor:
        """The pictures (N, 3, H, W), differentiable with respect to `tensors`."""

    def settle(self, step: int, *, last: bool) -> None:
        """Project the tensors into their range, in place, after `step` steps; always where `last`."""


@dataclass(frozen=True)
class PixelParameterization:
    """The pixels themselves, projected into their range every `every` steps and at the end."""

    pixels: Tensor
    """(N, C, H, W), a leaf that needs a gradient"""
    into_range: Range
    every: int = 1
    stored: bool = False
    """Whether the pictures are the pixels as they are stored, so that small steps add up until they change a byte."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The one leaf."""
        return (self.pixels,)

    def picture(self) -> Tensor:
        """The pixels, or what is stored of them; (N, C, H, W)."""
        return cast(Tensor, _AsStored.apply(self.pixels)) if self.stored else self.pixels

    @torch.no_grad()
    def settle(self, step: int, *, last: bool) -> None:
        """Project the pixels into their range every `every` steps, and where `last`."""
        if last or step % self.every == 0:
            self.pixels.copy_(self.into_range(self.pixels))


class _AsStored(torch.autograd.Function):
    """Rounded to 8 bits; the gradient passes as if nothing were rounded (Bengio et al. 2013, arXiv:1308.3432)."""

    @staticmethod
    def forward(_: Any, pixels: Tensor) -> Tensor:
        return as_stored(pixels)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient


def pixel_parameterization(
    start: Tensor, into_range: Range, every: int = 1, *, stored: bool = False
) -> PixelParameterization:
    """A copy of the pictures `start` (N, C, H, W) as a leaf; contiguous, as fused optimizers silently demand."""
    leaf = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    return PixelParameterization(leaf, into_range, every, stored)
