from __future__ import annotations

import torch

from core.engine.optimization.starts import NOISE_STD, STARTS, blank, noise, photo

ORIGINAL = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(1))


def test_the_photo_is_a_copy() -> None:
    start = photo(ORIGINAL, 0)
    assert torch.equal(start, ORIGINAL)
    assert start.data_ptr() != ORIGINAL.data_ptr()


def test_the_blank_sheet_is_mid_gray() -> None:
    assert torch.equal(blank(ORIGINAL, 0), torch.full((2, 3, 40, 50), 0.5))


def test_noise_is_the_seeds_own_and_the_same_for_every_picture_of_a_batch() -> None:
    first = noise(ORIGINAL, 7)
    assert torch.equal(first, noise(ORIGINAL, 7))
    assert not torch.equal(first, noise(ORIGINAL, 8))
    assert torch.equal(first[:1], noise(ORIGINAL[:1], 7))
    assert torch.equal(first[0], first[1])


def test_noise_surrounds_mid_gray_within_the_range() -> None:
    start = noise(ORIGINAL, 0)
    assert abs(start.mean().item() - 0.5) < 0.01
    assert abs(start.std().item() - NOISE_STD) < 0.01
    assert start.min() >= 0
    assert start.max() <= 1


def test_no_start_touches_the_global_generator() -> None:
    before = torch.get_rng_state()
    for start in STARTS.values():
        start(ORIGINAL, 3)
    assert torch.equal(torch.get_rng_state(), before)
