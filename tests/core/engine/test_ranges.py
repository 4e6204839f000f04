from __future__ import annotations

import numpy as np
import torch

from core.engine.ranges import clamp, rescale, to_bytes, to_pixels


def test_rescale_puts_each_pictures_own_extremes_to_0_and_1() -> None:
    pictures = torch.rand(3, 3, 4, 5) * torch.tensor([0.2, 1.0, 30.0]).view(3, 1, 1, 1) - 7
    scaled = rescale(pictures)
    assert scaled.amin(dim=(1, 2, 3)).tolist() == [0, 0, 0]
    assert scaled.amax(dim=(1, 2, 3)).tolist() == [1, 1, 1]
    torch.testing.assert_close(scaled[1], rescale(pictures[1:2])[0])


def test_rescale_is_affine_so_that_order_and_colors_stay_comparable() -> None:
    picture = torch.linspace(-1, 3, 48).view(1, 3, 4, 4)
    torch.testing.assert_close(rescale(picture), (picture + 1) / 4)


def test_a_constant_picture_is_clamped_and_not_stretched() -> None:
    for value, expected in ((0.4, 0.4), (-2.0, 0.0), (9.0, 1.0)):
        assert torch.equal(rescale(torch.full((1, 3, 2, 2), value)), torch.full((1, 3, 2, 2), expected))
    assert rescale(torch.full((1, 3, 2, 2), 0.5) + 1e-8 * torch.rand(1, 3, 2, 2)).std() < 1e-6


def test_clamp_cuts_off_and_leaves_the_rest() -> None:
    assert clamp(torch.tensor([-0.5, 0.25, 1.5])).tolist() == [0.0, 0.25, 1.0]


def test_bytes_are_rounded_to_the_nearest_and_come_back() -> None:
    every_byte = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    picture = torch.from_numpy(every_byte).movedim(-1, 0)[None] / 255
    assert np.array_equal(to_pixels(picture), every_byte)
    assert np.array_equal(to_pixels(picture[0] + 0.4 / 255), every_byte)
    assert to_bytes(torch.full((2, 3, 4, 5), 2.0)).shape == (2, 4, 5, 3)
