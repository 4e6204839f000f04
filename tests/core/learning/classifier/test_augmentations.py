"""What is altered at each step leaves a picture's class as it is, and is another thing each time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.learning.classifier.augmentations import (
    MAX_LOG_COLOR,
    MAX_LOG_ZOOM,
    MAX_SHIFT,
    MIN_LOG_ZOOM,
    jittered,
    sharpened,
)


def waves(count: int = 6, side: int = 32) -> torch.Tensor:
    """Smooth pictures without symmetry, all the same."""
    x = torch.linspace(0, 1, side)
    picture = torch.stack([x[None] * x[:, None], x[None] ** 2 + 0 * x[:, None], (x[None] + 2 * x[:, None]) / 3])
    return picture.mul(0.5).add(0.25).expand(count, 3, side, side).clone()


def test_without_jitter_pictures_are_left_alone() -> None:
    pictures = waves()
    assert jittered(pictures, 0.0, np.random.default_rng(0), flip=True) is pictures


def test_jitter_gives_each_picture_another_version_and_the_same_ones_again() -> None:
    pictures = waves()
    augmented = jittered(pictures, 1.0, np.random.default_rng(0), flip=True)
    assert augmented.shape == pictures.shape
    assert 0 <= augmented.min() < augmented.max() <= 1
    assert all((augmented[i] - augmented[j]).abs().max() > 0.02 for i in range(6) for j in range(i))
    assert torch.equal(augmented, jittered(pictures, 1.0, np.random.default_rng(0), flip=True))
    assert not torch.equal(augmented, jittered(pictures, 1.0, np.random.default_rng(1), flip=True))


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_jitter_shifts_within_its_bounds(strength: float) -> None:
    side = 64
    spot = torch.zeros(200, 3, side, side)
    spot[:, :, 31:33, 31:33] = 1  # in the middle: zooming does not move it
    augmented = jittered(spot, strength, np.random.default_rng(0), flip=True).mean(dim=1)
    places = torch.arange(side) + 0.5
    mass = augmented.sum(dim=(1, 2))
    y, x = (augmented.sum(dim=2) @ places) / mass, (augmented.sum(dim=1) @ places) / mass
    max_shift = strength * MAX_SHIFT * side * np.exp(-strength * MIN_LOG_ZOOM)
    moved = torch.stack([y, x]) - side / 2
    assert moved.abs().max() <= max_shift + 0.5
    assert moved.abs().max() > 0.7 * max_shift


def test_things_become_smaller_rather_than_larger() -> None:
    disk = torch.zeros(300, 3, 64, 64)
    disk[:, :, 24:40, 24:40] = 1
    augmented = jittered(disk, 1.0, np.random.default_rng(0), flip=False).mean(dim=1)
    sides = (augmented > augmented.amax(dim=(1, 2), keepdim=True) / 2).sum(dim=(1, 2)).sqrt() / 16
    assert np.exp(-MAX_LOG_ZOOM) - 0.05 < sides.min() < 0.75
    assert 1.05 < sides.max() < np.exp(-MIN_LOG_ZOOM) + 0.05


def test_only_with_flip_pictures_are_mirrored() -> None:
    ramp = torch.linspace(0.2, 0.8, 32).expand(100, 3, 32, 32)
    rises = [
        (augmented[..., 24] > augmented[..., 8]).flatten(1).all(dim=1)
        for augmented in (jittered(ramp, 0.3, np.random.default_rng(0), flip=flip) for flip in (True, False))
    ]
    assert 30 < int(rises[0].sum()) < 70
    assert rises[1].all()


def test_colors_are_scaled_within_their_bounds() -> None:
    gray = torch.full((300, 3, 8, 8), 0.4)  # contrast and saturation leave it alone
    augmented = jittered(gray, 1.0, np.random.default_rng(0), flip=False)
    factors = augmented.mean(dim=(1, 2, 3)) / 0.4
    assert factors.min() >= np.exp(-MAX_LOG_COLOR) - 1e-4
    assert factors.max() <= np.exp(MAX_LOG_COLOR) + 1e-4
    assert factors.std() > 0.1
    red = torch.tensor([0.5, 0.4, 0.4]).view(1, 3, 1, 1).expand(300, 3, 8, 8)
    augmented = jittered(red, 1.0, np.random.default_rng(0), flip=False).mean(dim=(2, 3))
    colored = (augmented[:, 0] - augmented[:, 1]) / augmented.mean(dim=1) / (0.1 / 1.3 * 3)
    assert colored.min() >= np.exp(-2 * MAX_LOG_COLOR) - 1e-3  # by its saturation, and by its contrast
    assert np.exp(MAX_LOG_COLOR) < colored.max() <= np.exp(2 * MAX_LOG_COLOR) + 1e-3


def test_sharpening_adds_what_a_blur_takes_away() -> None:
    spike = torch.full((4, 3, 7, 7), 0.2)
    spike[:, :, 3, 3] = 0.4
    augmented = sharpened(spike, 1.0, np.random.default_rng(0))
    amounts = np.random.default_rng(0).uniform(0, 1.0, 4)
    blurred = 0.2 + 0.2 * 4 / 16  # the middle of (1, 2, 1) both ways
    expected = torch.tensor(0.4 + amounts * (0.4 - blurred), dtype=torch.float32)
    torch.testing.assert_close(augmented[:, 0, 3, 3], expected)
    torch.testing.assert_close(augmented[:, :, 0, 0], spike[:, :, 0, 0])
    assert len(set(augmented[:, 0, 3, 3].tolist())) == 4  # each picture by its own amount


def test_sharpened_pictures_stay_in_range_and_flat_ones_as_they_are() -> None:
    random = torch.rand(3, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    augmented = sharpened(random, 4.0, np.random.default_rng(0))
    assert augmented.min() == 0
    assert augmented.max() == 1
    flat = torch.full((2, 3, 5, 5), 0.7)
    torch.testing.assert_close(sharpened(flat, 4.0, np.random.default_rng(0)), flat)
    assert sharpened(random, 0.0, np.random.default_rng(0)) is random
