"""Pictures as Fourier coefficients: one learning rate fits all scales, and high-frequency noise is no shortcut.

Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017 (spectrum scaled by 1/f, decorrelated colors); Fel et
al., "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization", NeurIPS 2023
(magnitudes fixed, phases learned).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

COLOR_AXES = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the color covariance of ImageNet's photos, as in lucid; rows R, G, B."""
START_STD = 0.01
"""Standard deviation of random coefficients."""
MARGIN = 0.02
"""A photo's values are clipped this far inside [0, 1], where the inverse sigmoid is finite."""


def frequencies(height: int, width: int) -> Tensor:
    """Cycles per pixel of each coefficient of `rfft2`, (H, W // 2 + 1)."""
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    return torch.hypot(rows, columns.expand(height, -1))


def falloff(height: int, width: int, decay: float = 1.0) -> Tensor:
    """Scale 1 / f ** decay of each coefficient, (H, W // 2 + 1); f = 0 counts as one cycle over the longer side."""
    clamped = frequencies(height, width).clamp_min(1 / max(height, width))
    return torch.pow(clamped, -decay) * math.sqrt(height * width)


def color_matrix(like: Tensor) -> Tensor:
    """Matrix (3, 3) from decorrelated channels to red, green and blue; device and dtype of `like`."""
    axes = torch.tensor(COLOR_AXES)
    matrix: Tensor = (axes / torch.linalg.vector_norm(axes, dim=0).max()).to(like)
    return matrix


def colored(channels: Tensor) -> Tensor:
    """Decorrelated, unbounded channels (N, 3, H, W) -> pictures (N, 3, H, W) in (0, 1)."""
    return torch.einsum("rc,nchw->nrhw", color_matrix(channels), channels).sigmoid()


def uncolored(picture: Tensor) -> Tensor:
    """Inverse of `colored`, up to `MARGIN`: pictures (N, 3, H, W) in [0, 1] -> channels (N, 3, H, W)."""
    inverse = color_matrix(picture).inverse()
    return torch.einsum("cr,nrhw->nchw", inverse, picture.clamp(MARGIN, 1 - MARGIN).logit())


@dataclass(frozen=True)
class FourierParameterization:
    """Fourier coefficients of decorrelated channels, each scaled by 1 / its frequency."""

    coefficients: Tensor
    """(N, 3, H, W // 2 + 1, 2), a leaf that needs a gradient"""
    scale: Tensor
    """(H, W // 2 + 1, 1)"""
    width: int

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The one leaf."""
        return (self.coefficients,)

    def picture(self) -> Tensor:
        """The pictures, (N, 3, H, W) in (0, 1)."""
        spectrum = torch.view_as_complex(self.coefficients * self.scale)
        size = (self.coefficients.shape[2], self.width)
        return colored(torch.fft.irfft2(spectrum, s=size))

    def settle(self, step: int, *, last: bool) -> None:
        """Nothing: the picture is always in its range."""


def random_fourier(
    count: int, height: int, width: int, generator: torch.Generator, device: torch.device
) -> FourierParameterization:
    """`count` nearly gray pictures of small random coefficients; a seed gives the same on every device."""
    start = torch.randn(count, 3, height, width // 2 + 1, 2, generator=generator) * START_STD
    return _parameterization(start.to(device), width)


def fourier_of(picture: Tensor) -> FourierParameterization:
    """Pictures (N, 3, H, W) in [0, 1] as Fourier coefficients."""
    height, width = picture.shape[2:]
    spectrum = torch.view_as_real(torch.fft.rfft2(uncolored(picture)))
    return _parameterization(spectrum / _scale(height, width).to(picture), width)


def _parameterization(coefficients: Tensor, width: int) -> FourierParameterization:
    leaf = coefficients.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    return FourierParameterization(leaf, _scale(coefficients.shape[2], width).to(leaf), width)


def _scale(height: int, width: int) -> Tensor:
    """Scale of each coefficient as in lucid, (H, W // 2 + 1, 1)."""
    return falloff(height, width)[..., None] / 4


@dataclass(frozen=True)
class PhaseParameterization:
    """Fourier phases under fixed magnitudes of photos, so that no frequency can dominate."""

    phases: Tensor
    """(N, 3, H, W // 2 + 1), a leaf that needs a gradient, in radians"""
    magnitudes: Tensor
    """(3, H, W // 2 + 1)"""
    width: int

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The one leaf."""
        return (self.phases,)

    def picture(self) -> Tensor:
        """The pictures, (N, 3, H, W) in (0, 1)."""
        spectrum = torch.polar(self.magnitudes.expand_as(self.phases), self.phases)
        return colored(torch.fft.irfft2(spectrum, s=(self.phases.shape[2], self.width)))

    def settle(self, step: int, *, last: bool) -> None:
        """Nothing: the picture is always in its range."""


def magnitudes_of(photos: Tensor) -> Tensor:
    """Mean magnitudes of the Fourier coefficients of photos (N, 3, H, W), decorrelated channels: (3, H, W // 2 + 1).

    That of the mean color is signed, and its phase is fixed.
    """
    spectrum = torch.fft.rfft2(uncolored(photos))
    magnitudes: Tensor = spectrum.abs().mean(dim=0)
    magnitudes[:, 0, 0] = spectrum[:, :, 0, 0].real.mean(dim=0)
    return magnitudes


def random_phases(count: int, magnitudes: Tensor, width: int, generator: torch.Generator) -> PhaseParameterization:
    """`count` pictures of `magnitudes` (3, H, W // 2 + 1) with random phases; the mean color's phase is 0."""
    shape = (count, *magnitudes.shape)
    phases = (torch.rand(shape, generator=generator) * 2 - 1) * torch.pi
    phases[..., 0, 0] = 0
    return PhaseParameterization(phases.to(magnitudes).requires_grad_(), magnitudes, width)
