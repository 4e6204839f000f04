"""Pictures of single units of a code."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.items import Pixels
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.learner import CHUNK
from core.learning.sheets import paired_sheet, sheets

MAX_UNITS = 16
COLUMNS = 8
WALK_COLUMNS = 4
STEP = 2.0
"""Change of a unit in a sheet, in standard deviations: visible, yet typical."""
REACH = 3.0
"""Range of a walk to both sides, in standard deviations of the unit."""
WALK = np.linspace(-REACH, REACH, 25)
"""Value of each frame of a walk, in standard deviations."""


class Units:
    """The units of a code, sorted by how much they change a picture."""

    def __init__(self, model: Autoencoder, codes: Tensor) -> None:
        """`codes` (N, D) of many pictures: the source of mean and standard deviation."""
        self._model = model.eval()
        self._mean, self._std = codes.mean(0), codes.std(0, correction=0)  # (D,)
        units = torch.arange(codes.shape[1], device=codes.device)
        change = self.decoded(units, 1.0) - self.decoded(units, -1.0)
        self.strongest = change.square().flatten(1).mean(1).argsort(descending=True, stable=True)[:MAX_UNITS]
        """Indices of at most 16 units, (K,), strongest first."""

    @torch.no_grad()
    def decoded(self, units: Tensor, deviations: float) -> Tensor:
        """The mean code decoded with each of `units` (K,) shifted by `deviations` standard deviations: (K, C, S, S)."""
        codes = self._mean.repeat(len(units), 1)
        rows = torch.arange(len(units), device=units.device)
        codes[rows, units] += deviations * self._std[units]
        if self._model.design.rectified:
            codes = codes.clamp_min(0)
        return torch.cat([self._model.decode(part) for part in torch.split(codes, CHUNK)])

    def sheet(self) -> Pixels:
        """One column per unit: the mean code with it 2 standard deviations lower and, below, higher: (H, W, 3)."""
        return paired_sheet(self.decoded(self.strongest, -STEP), self.decoded(self.strongest, STEP), COLUMNS)

    def walk(self) -> Pixels:
        """Frames (T, H, W, 3): all units from 3 standard deviations below the mean code to 3 above it."""
        return sheets(torch.stack([self.decoded(self.strongest, step) for step in WALK.tolist()]), WALK_COLUMNS)

    def unit_order(self) -> str:
        """The displayed units in their order, such as `units 4, 0, 2`, by their index in the code."""
        return f"units {', '.join(map(str, self.strongest.tolist()))}"


def walk_labels() -> tuple[str, ...]:
    """Label of each frame of a walk."""
    return tuple(f"{step:+.3g} standard deviations" if step else "the mean code" for step in WALK.tolist())
