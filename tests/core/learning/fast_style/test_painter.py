from __future__ import annotations

import pytest
import torch

from core.learning.fast_style.painter import Design, Painter, build, paint

DESIGN = Design(width=4, styles=("0" * 64,), shares=(1.0,), style_px=64)


def a_painter(seed: int = 0) -> Painter:
    return build(DESIGN, seed).eval()


def pictures(count: int, height: int, width: int) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (17, 62), (8, 11)])
def test_a_picture_keeps_its_size_whether_or_not_strides_divide_it(size: tuple[int, int]) -> None:
    stylized = paint(a_painter(), pictures(1, *size))
    assert stylized.shape[2:] == size
    assert 0 <= float(stylized.min()) < float(stylized.max()) <= 1


def test_what_stands_at_the_edge_of_a_picture_that_was_enlarged_is_what_the_whole_has_there() -> None:
    whole = pictures(1, 32, 32)
    whole[..., 30:] = whole[..., 27:29].flip(-1)  # what mirroring would put there
    assert torch.allclose(paint(a_painter(), whole[..., :30]), paint(a_painter(), whole)[..., :30], atol=1e-5)


def test_pictures_of_a_batch_are_stylized_independently() -> None:
    painter, batch = a_painter(), pictures(3, 24, 24)
    assert torch.allclose(painter(batch)[1:2], painter(batch[1:2]), atol=1e-5)
    assert torch.allclose(paint(painter, batch), painter(batch), atol=1e-5)


def test_brightness_and_contrast_make_no_difference() -> None:
    """Instance normalization takes both away, and mirrored edges bring no black in."""
    painter, picture = a_painter(), pictures(1, 24, 24)
    assert torch.allclose(painter(0.5 * picture + 0.3), painter(picture), atol=2e-3)


def test_a_constant_picture_is_stylized_to_a_constant_one() -> None:
    """A transposed convolution would leave a checkerboard, zeros at the edges a frame."""
    stylized = paint(a_painter(), torch.full((1, 3, 24, 24), 0.7))
    assert float(stylized.std(dim=(2, 3)).max()) < 1e-5


def test_the_seed_decides_the_weights_and_global_randomness_stays() -> None:
    before = torch.get_rng_state()
    first, again, other = (a_painter(seed).encoder[1].weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
