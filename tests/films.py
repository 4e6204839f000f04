"""Films of a few small frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from core.items import Pixels
from core.samples import sample
from core.video import Video
from core.video_writer import FilmKind, encoded

RATE = Fraction(10)


def pan(count: int, step: int = 2, height: int = 48, width: int = 64) -> list[Pixels]:
    """A window that goes right over a photo, `step` pixels a frame."""
    photo = sample("cat").pixels
    return [photo[80 : 80 + height, 60 + step * i : 60 + step * i + width].copy() for i in range(count)]


def noisy(count: int, spread: float = 1.0, height: int = 48, width: int = 64) -> list[Pixels]:
    """A window that stands still, with noise of this standard deviation, in 255ths."""
    still = pan(1, height=height, width=width)[0]
    random = np.random.default_rng(0)
    noise = [random.normal(0, spread, still.shape) for _ in range(count)]
    return [np.clip(np.round(still + one), 0, 255).astype(np.uint8) for one in noise]


def a_film(frames: Sequence[Pixels] | None = None, kind: FilmKind = "gif") -> Video:
    """These frames, or a few of a pan."""
    return Video(encoded(pan(3) if frames is None else frames, RATE, kind))
