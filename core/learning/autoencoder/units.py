"""What the single values of a code draw."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.items import Pixels
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.learner import CHUNK
from core.learning.sheets import alternating, sheets

SHOWN = 16
COLUMNS = 8
WALK_COLUMNS = 4
STEP = 2.0
"""So many standard deviations of a unit are seen well, and are nothing out of the ordinary."""
REACH = 3.0
"""A walk goes so many standard deviations of a unit to both sides."""
WALK = np.linspace(-REACH, REACH, 25)
"""A frame each, in standard deviations."""


class Units:
    """The units of a code, the one that changes a picture most first."""

    def __init__(self, model: Autoencoder, codes: Tensor) -> None:
        """`codes` (N, D) of many pictures."""
        self._model = model.eval()
        self._mean, self._spread = codes.mean(0), codes.std(0, correction=0)  # (D,)
        every = torch.arange(codes.shape[1], device=codes.device)
        change = self.drawn(every, 1.0) - self.drawn(every, -1.0)
        self.strongest = change.square().flatten(1).mean(1).argsort(descending=True, stable=True)[:SHOWN]
        """(K,) indices of at most 16."""

    @torch.no_grad()
    def drawn(self, units: Tensor, deviations: float) -> Tensor:
        """For each of `units` (K,) the mean code with that unit so many deviations off, decoded: (K, C, S, S)."""
        codes = self._mean.repeat(len(units), 1)
        rows = torch.arange(len(units), device=units.device)
        codes[rows, units] += deviations * self._spread[units]
        if self._model.design.rectified:
            codes = codes.clamp_min(0)
        return torch.cat([self._model.decode(part) for part in torch.split(codes, CHUNK)])

    def sheet(self) -> Pixels:
        """A column a unit: what the mean code draws with it two deviations lower, and below that with it two higher."""
        return alternating(self.drawn(self.strongest, -STEP), self.drawn(self.strongest, STEP), COLUMNS)

    def walk(self) -> Pixels:
        """Frames (T, H, W, 3): all of them at once from 3 deviations below the mean code to 3 above it."""
        return sheets(torch.stack([self.drawn(self.strongest, step) for step in WALK.tolist()]), WALK_COLUMNS)

    def named(self) -> str:
        """Which units are shown, in their order: `units 4, 0, 2`; numbers are those of the code, from 0 on."""
        return f"units {', '.join(map(str, self.strongest.tolist()))}"


def walk_labels() -> tuple[str, ...]:
    """What each frame of a walk is."""
    return tuple(f"{step:+.3g} standard deviations" if step else "the mean code" for step in WALK.tolist())
