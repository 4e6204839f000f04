"""From the start of a picture to what is optimized: pixels, Fourier coefficients, or phases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core.engine.optimization.parameterizations import Parameterization, pixel_parameterization
from core.engine.optimization.spectra import fourier_of, magnitudes_of, random_fourier, random_phases
from core.engine.optimization.starts import STARTS, Start
from core.engine.ranges import clamp

ParameterizationKind = Literal["fourier", "phases", "pixels"]


@dataclass(frozen=True)
class Canvas:
    """Everything that a parameterization of `count` pictures starts from."""

    photo: Tensor
    """(1, 3, H, W) in [0, 1]; the pictures have its size."""
    start: Start
    count: int
    seed: int
    examples: Tensor
    """Photos (N, 3, H, W) that give the natural spectrum."""


def _fourier(canvas: Canvas) -> Parameterization:
    """Coefficients of the start; each blank picture has a little noise of its own, so that seeds differ."""
    if canvas.start != "blank":
        return fourier_of(_pixels_at_start(canvas))
    height, width = canvas.photo.shape[2:]
    generator = torch.Generator().manual_seed(canvas.seed)
    return random_fourier(canvas.count, height, width, generator, canvas.photo.device)


def _phases(canvas: Canvas) -> Parameterization:
    generator = torch.Generator().manual_seed(canvas.seed)
    return random_phases(canvas.count, magnitudes_of(canvas.examples), canvas.photo.shape[3], generator)


def _pixels(canvas: Canvas) -> Parameterization:
    return pixel_parameterization(_pixels_at_start(canvas), clamp)


def _pixels_at_start(canvas: Canvas) -> Tensor:
    start = STARTS[canvas.start]
    return torch.cat([start(canvas.photo, canvas.seed + index) for index in range(canvas.count)])


PARAMETERIZATIONS: Mapping[ParameterizationKind, Callable[[Canvas], Parameterization]] = {
    "fourier": _fourier,
    "phases": _phases,
    "pixels": _pixels,
}
