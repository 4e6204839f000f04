"""From where a picture begins to what the optimizer moves: pixels, waves, or the phases of waves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from core.engine.optimization.parameterizations import Parameterization, pixel_parameterization
from core.engine.optimization.spectra import magnitudes_of, random_phases, random_waves, waves_of
from core.engine.optimization.starts import STARTS, Start
from core.engine.ranges import clamp

ParameterizationKind = Literal["fourier", "phases", "pixels"]


@dataclass(frozen=True)
class Canvas:
    """What a sheet is made from."""

    photo: Tensor
    """(1, 3, H, W) in [0, 1]; its size is the sheet's"""
    start: Start
    count: int
    seed: int
    examples: Tensor
    """Photos (N, 3, H, W) whose spectrum is a natural one"""


def _fourier(canvas: Canvas) -> Parameterization:
    """Every picture of a blank sheet has a little noise of its own, by which seeds differ."""
    if canvas.start != "blank":
        return waves_of(_pixels_at_start(canvas))
    height, width = canvas.photo.shape[2:]
    generator = torch.Generator().manual_seed(canvas.seed)
    return random_waves(canvas.count, height, width, generator, canvas.photo.device)


def _phases(canvas: Canvas) -> Parameterization:
    generator = torch.Generator().manual_seed(canvas.seed)
    return random_phases(canvas.count, magnitudes_of(canvas.examples), canvas.photo.shape[3], generator)


def _pixels(canvas: Canvas) -> Parameterization:
    return pixel_parameterization(_pixels_at_start(canvas), clamp)


def _pixels_at_start(canvas: Canvas) -> Tensor:
    make = STARTS[canvas.start]
    return torch.cat([make(canvas.photo, canvas.seed + index) for index in range(canvas.count)])


PARAMETERIZATIONS: Mapping[ParameterizationKind, Callable[[Canvas], Parameterization]] = {
    "fourier": _fourier,
    "phases": _phases,
    "pixels": _pixels,
}
