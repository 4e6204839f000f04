from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.engine.ranges import from_pixels
from core.items import Pixels
from core.learning.fast_style.motion import motion
from tests.support.videos import pan


def frame(pixels: Pixels) -> Tensor:
    return from_pixels(pixels.copy())


@pytest.mark.parametrize(("height", "width"), [(96, 128), (150, 380)])
def test_motion_is_estimated_and_pictures_are_warped_along(height: int, width: int) -> None:
    before, now = (frame(pixels) for pixels in pan(2, step=4, height=height, width=width)[:2])
    result = motion(before, now)
    assert result.grid is not None
    right = (result.grid[0, ..., 0] + 1) / 2 * (width - 1) - torch.arange(width)
    assert float(right[10:-10, 10:-10].median()) == pytest.approx(4, abs=0.3)
    inner = (slice(None), slice(None), slice(10, -10), slice(10, -10))
    left = (result.warped(before) - now)[inner].abs().mean()
    assert float(left) < 0.4 * float((before - now)[inner].abs().mean())


def test_newly_visible_regions_are_not_trusted() -> None:
    before = frame(pan(1, height=64, width=96)[0])
    now = before.clone()
    now[:, :, 20:44, 30:60] = torch.rand(3, 24, 30, generator=torch.Generator().manual_seed(0))
    trust = motion(before, now).trust[0, 0]
    assert float(trust[24:40, 34:56].mean()) < 0.2
    assert float(trust[:, :15].mean()) > 0.9


def test_equal_frames_have_no_motion_and_full_trust() -> None:
    picture = frame(pan(1)[0])
    result = motion(picture, picture.clone())
    assert result.grid is None
    assert bool((result.trust == 1).all())
    assert result.warped(picture) is picture


def test_noise_moves_nothing() -> None:
    before = frame(pan(1, height=96, width=128)[0])
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 1 / 255, before.shape).astype(np.float32))
    result = motion(before, (before + noise).clamp(0, 1))
    still = result.warped(before) == before
    assert float(still.float().mean()) > 0.9
