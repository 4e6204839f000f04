from __future__ import annotations

import numpy as np
import torch

from core.items import Image, Map
from core.learning.sheets import paired_sheet, pixels_of, reconstruction_items, sheet, sheets, value_sheet
from tests.core.learning.autoencoder.fitting import a_batch


def test_small_pictures_are_enlarged_by_a_whole_factor_to_about_320_px() -> None:
    small = a_batch(16)
    modified = sheet(small, 4)
    assert modified.shape == (326, 326, 3)
    assert np.array_equal(modified[:80:10, :80:10, 0], pixels_of(small)[0, :, :, 0])
    assert (modified[:10, :10] == modified[0, 0]).all()


def test_large_ones_are_never_shrunk() -> None:
    assert sheet(a_batch(4, side=128, channels=3), 4).shape == (128, 518, 3)


def test_gray_becomes_three_equal_colors_and_what_lies_outside_is_cut_off() -> None:
    pixels = pixels_of(torch.tensor([[[[-1.0, 0.5], [1.0, 3.0]]]]))
    assert pixels[0, :, :, 0].tolist() == [[0, 128], [255, 255]]
    assert (pixels == pixels[..., :1]).all()


def test_paired_pictures_are_below_each_other() -> None:
    shades = torch.linspace(0, 0.5, 5).view(5, 1, 1, 1).expand(5, 1, 8, 8)
    pairs = paired_sheet(shades, 1 - shades, 4)
    assert pairs.shape == (322, 326, 3)
    for number, shade in enumerate([0, 32, 64, 96, 128]):
        top, left = 162 * (number // 4), 82 * (number % 4)
        assert (pairs[top : top + 80, left : left + 80] == shade).all()
        assert (np.abs(pairs[top + 80 : top + 160, left : left + 80].astype(int) - (255 - shade)) <= 1).all()


def test_frames_are_sheets() -> None:
    frames = torch.stack([a_batch(16), a_batch(16).flip(0)])
    assert np.array_equal(sheets(frames, 4)[1], sheet(frames[1], 4))


def test_errors_lie_where_the_pictures_do() -> None:
    originals = torch.zeros(16, 3, 8, 8)
    modified = originals.clone()
    modified[5, 0, 2, 3] = 0.6  # second row, second column
    modified[5, 1, 2, 3] = -0.6  # is stored as 0
    items = reconstruction_items(originals, modified)
    errors, reconstructions = items["errors"], items["reconstructions"]
    assert isinstance(errors, Map)
    assert isinstance(reconstructions, Image)
    assert errors.values.shape == reconstructions.pixels.shape[:2]
    rows, columns = errors.values.nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (102, 111, 112, 121)
    assert errors.values.max() == np.float32(0.2)


def test_values_keep_what_they_are() -> None:
    assert value_sheet(torch.tensor([[[-5.0, 7.0]]]), 1).min() == -5
