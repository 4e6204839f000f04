from __future__ import annotations

import pytest
import torch

from core.engine.optimization.octaves import octave_sizes, random_windows, starts, windows, windows_twice


def test_octaves_grow_by_one_factor_from_the_input_to_the_whole() -> None:
    assert octave_sizes((64, 64), (256, 256), 3) == [(64, 64), (128, 128), (256, 256)]
    assert octave_sizes((64, 32), (64, 32), 2) == [(64, 32)] * 2
    assert octave_sizes((64, 64), (192, 192), 1) == [(192, 192)]


@pytest.mark.parametrize(("length", "window"), [(64, 64), (65, 64), (192, 64), (150, 64), (384, 64)])
def test_windows_cover_everything_from_edge_to_edge(length: int, window: int) -> None:
    covered = {place for start in starts(length, window) for place in range(start, start + window)}
    assert covered == set(range(length))
    assert len(starts(length, window)) == -(-length // window)


def test_windows_come_a_second_time_from_a_picture_that_is_shifted() -> None:
    picture = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    parts = windows_twice(picture, (8, 6), 2)
    assert torch.equal(parts[:2], windows(picture, (8, 6)))
    assert torch.equal(parts[2, :, 2:, 2:], picture[0, :, :6, :4])
    assert torch.equal(parts[3, :, 2:], picture[0, :, :6, 4:10])
    assert torch.equal(parts[2, :, 1, 2:], picture[0, :, 1, :4])  # mirrored into view


def test_every_pixel_is_covered_and_gets_its_gradient_in_place() -> None:
    picture = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0)).requires_grad_()
    parts = random_windows(picture, (20, 30), (10, 10), torch.Generator().manual_seed(1))
    assert parts.shape == (6, 3, 10, 10)
    assert sorted(parts.flatten().tolist()) == sorted(picture.flatten().tolist())
    (parts * parts.detach()).sum().backward()  # the gradient of a value is the value
    assert picture.grad is not None
    torch.testing.assert_close(picture.grad, picture.detach())


def test_a_smaller_size_leaves_the_mean_as_it_is() -> None:
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    parts = random_windows(picture, (16, 16), (16, 16), torch.Generator().manual_seed(1))
    assert parts.shape == (1, 3, 16, 16)
    assert parts.mean().isclose(picture.mean(), atol=0.01)


def test_where_windows_overlap_their_gradients_add_up() -> None:
    picture = torch.rand(1, 3, 15, 15, generator=torch.Generator().manual_seed(0)).requires_grad_()
    parts = random_windows(
        picture, (15, 15), (10, 10), torch.Generator().manual_seed(1)
    )  # from 0 and from 5, both ways
    parts.sum().backward()
    assert picture.grad is not None
    times = picture.grad[0, 0]
    assert sorted(times.flatten().tolist()) == [1.0] * 100 + [2.0] * 100 + [4.0] * 25


def test_windows_without_a_shift_lie_where_they_lie() -> None:
    picture = torch.arange(60.0).view(1, 1, 6, 10)
    parts = windows(picture, (6, 4))
    assert torch.equal(parts, torch.cat([picture[..., left : left + 4] for left in (0, 3, 6)]))
