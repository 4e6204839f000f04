from __future__ import annotations

import pytest
import torch

from core.engine.patches import shuffled


def test_patches_are_whole_and_in_another_order() -> None:
    numbers = torch.arange(16.0).view(1, 1, 4, 4).repeat_interleave(5, 2).repeat_interleave(5, 3)  # a number a patch
    moved = shuffled(numbers, 4, torch.Generator().manual_seed(0))
    assert sorted(moved[0, 0, ::5, ::5].flatten().tolist()) == list(range(16))
    assert not torch.equal(moved, numbers)
    for row in range(4):
        for column in range(4):
            patch = moved[0, 0, row * 5 : row * 5 + 5, column * 5 : column * 5 + 5]
            assert len(patch.unique()) == 1


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_nothing_is_lost_and_every_picture_has_its_own_order(parts: int) -> None:
    picture = torch.rand(1, 3, 26, 34, generator=torch.Generator().manual_seed(0)).repeat(4, 1, 1, 1)
    moved = shuffled(picture, parts, torch.Generator().manual_seed(1))
    for one in moved:
        torch.testing.assert_close(one.flatten().sort().values, picture[0].flatten().sort().values)
    assert not all(torch.equal(moved[0], other) for other in moved[1:])
    kept_h, kept_w = 26 // parts * parts, 34 // parts * parts
    assert torch.equal(moved[:, :, kept_h:], picture[:, :, kept_h:])  # what is left over stays
    assert torch.equal(moved[:, :, :, kept_w:], picture[:, :, :, kept_w:])


def test_one_part_is_the_picture() -> None:
    picture = torch.rand(2, 3, 9, 9)
    assert torch.equal(shuffled(picture, 1, torch.Generator()), picture)
