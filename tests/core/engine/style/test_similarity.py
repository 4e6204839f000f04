from __future__ import annotations

import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from core.engine.ranges import from_pixels
from core.engine.style.luminance import luminance
from core.engine.style.similarity import edges_shared, has_edges, is_plain, ssim
from core.media.samples import sample


def picture(name: str) -> Tensor:
    return from_pixels(sample(name).pixels[:90, :120].copy())


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3])
def test_it_is_that_of_scikit_image(noise: float) -> None:
    one = picture("cat")
    other = (one + noise * torch.randn(one.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    expected = structural_similarity(  # type: ignore[no-untyped-call]
        *(luminance(each)[0, 0].numpy() for each in (one, other)),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0,
    )  # fmt: skip
    assert float(ssim(one, other)) == pytest.approx(float(expected), abs=1e-5)


def test_it_is_one_for_the_same_and_falls_with_what_is_lost_picture_by_picture() -> None:
    cat, coffee = picture("cat"), picture("coffee")
    result = ssim(torch.cat([cat, cat, cat]), torch.cat([cat, 0.7 * cat + 0.3 * coffee, coffee]))
    assert float(result[0]) == pytest.approx(1)
    assert result[0] > result[1] > result[2]


def test_edges_in_the_same_places_are_shared_whatever_their_contrast() -> None:
    cat = picture("cat")
    for same in (cat, 0.3 * cat + 0.2, 1 - cat):
        assert float(edges_shared(cat, same)) == pytest.approx(1, abs=1e-3)


def test_lost_moved_or_invented_edges_are_not_shared() -> None:
    cat = picture("cat")
    noise = torch.rand(cat.shape, generator=torch.Generator().manual_seed(0))
    moved, more = cat.roll(4, dims=3), (cat + 0.5 * noise).clamp(0, 1)
    assert float(edges_shared(cat, torch.full_like(cat, 0.5))) == 0
    assert float(edges_shared(cat, moved)) < 0.5
    assert float(edges_shared(cat, more)) == pytest.approx(float(edges_shared(more, cat)))
    assert float(edges_shared(cat, more)) < 0.6
    for chance in (noise, picture("coffee")):
        assert float(edges_shared(cat, chance)) < 0.2


def test_shared_edges_are_measured_per_picture() -> None:
    cat, coffee = picture("cat"), picture("coffee")
    result = edges_shared(torch.cat([cat, cat]), torch.cat([cat, coffee]))
    torch.testing.assert_close(result[1], edges_shared(cat, coffee)[0])
    assert result.shape == (2,)


def test_a_plain_picture_has_no_edges() -> None:
    assert has_edges(picture("cat"))
    assert not has_edges(torch.full((1, 3, 40, 40), 0.3))


def test_a_picture_of_one_color_is_plain_whatever_its_color() -> None:
    color = torch.tensor([0.8, 0.1, 0.4]).view(1, 3, 1, 1).expand(1, 3, 40, 40).clone()
    assert is_plain(color)
    color[0, 2, 5, 7] += 1 / 255 + 1e-6
    assert not is_plain(color)
    assert not is_plain(picture("cat"))
