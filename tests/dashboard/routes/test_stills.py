from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from core.items import Animation
from dashboard.routes.stills import MAX_STILLS, STRIP_GAP_PX, animation_frames, animation_strip


def a_video(frames: int, side: int = 40) -> bytes:
    """Gray frames, darkest first, in steps that a lossy file keeps apart."""
    levels = np.linspace(10, 240, frames).astype(np.uint8)
    return Animation(frames=np.tile(levels[:, None, None, None], (1, side, side, 3))).files()["webp"]


def stills(strip: np.ndarray, side: int = 40) -> list[float]:
    """The gray of each still."""
    return [float(strip[:, left : left + side].mean()) for left in range(0, strip.shape[1], side + STRIP_GAP_PX)]


def test_a_strip_has_at_most_eight_evenly_spread_frames_with_both_ends() -> None:
    grays = stills(animation_strip(a_video(22), 40))
    assert len(grays) == MAX_STILLS
    assert (grays[0], grays[-1]) == (pytest.approx(10, abs=4), pytest.approx(240, abs=4))
    assert np.diff(grays) == pytest.approx([230 / 7] * 7, abs=5)
    assert stills(animation_strip(a_video(3), 40)) == pytest.approx([10, 125, 240], abs=4)
    assert len(stills(animation_strip(a_video(1), 40))) == 1


def test_every_frame_of_an_animation_is_decoded() -> None:
    grays = [float(np.asarray(PillowImage.open(io.BytesIO(frame))).mean()) for frame in animation_frames(a_video(5))]
    assert grays == pytest.approx(np.linspace(10, 240, 5), abs=4)


def test_stills_are_never_enlarged() -> None:
    assert animation_strip(a_video(2), 20).shape == (20, 40 + STRIP_GAP_PX, 3)
    assert animation_strip(a_video(2), 160).shape == (40, 80 + STRIP_GAP_PX, 3)
