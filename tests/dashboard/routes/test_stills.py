from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from core.items import Animation
from dashboard.routes.stills import STRIP_GAP_PX, STRIP_STILLS, film_frames, film_strip


def a_film(frames: int, side: int = 40) -> bytes:
    """Gray frames, darkest first, in steps that a lossy file keeps apart."""
    levels = np.linspace(10, 240, frames).astype(np.uint8)
    return Animation(frames=np.tile(levels[:, None, None, None], (1, side, side, 3))).files()["webp"]


def stills(strip: np.ndarray, side: int = 40) -> list[float]:
    """The gray of each still."""
    return [float(strip[:, left : left + side].mean()) for left in range(0, strip.shape[1], side + STRIP_GAP_PX)]


def test_a_strip_shows_first_and_last_and_at_most_eight_evenly_spread() -> None:
    grays = stills(film_strip(a_film(22), 40))
    assert len(grays) == STRIP_STILLS
    assert (grays[0], grays[-1]) == (pytest.approx(10, abs=4), pytest.approx(240, abs=4))
    assert np.diff(grays) == pytest.approx([230 / 7] * 7, abs=5)
    assert stills(film_strip(a_film(3), 40)) == pytest.approx([10, 125, 240], abs=4)
    assert len(stills(film_strip(a_film(1), 40))) == 1


def test_every_frame_of_a_film_is_a_picture_of_its_own() -> None:
    grays = [float(np.asarray(PillowImage.open(io.BytesIO(frame))).mean()) for frame in film_frames(a_film(5))]
    assert grays == pytest.approx(np.linspace(10, 240, 5), abs=4)


def test_stills_are_made_smaller_and_never_larger() -> None:
    assert film_strip(a_film(2), 20).shape == (20, 40 + STRIP_GAP_PX, 3)
    assert film_strip(a_film(2), 160).shape == (40, 80 + STRIP_GAP_PX, 3)
