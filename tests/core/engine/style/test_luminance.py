from __future__ import annotations

import pytest
import torch
from skimage.color import yiq2rgb
from torch import Tensor

from core.engine.style.luminance import gray, in_colors_of, luminance, matched

TO_YIQ = torch.tensor(
    [[0.299, 0.587, 0.114], [0.59590059, -0.27455667, -0.32134392], [0.21153661, -0.52273617, 0.31119955]]
)


def picture(seed: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    random = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(seed))
    return low + (high - low) * random


def yiq(pictures: Tensor) -> Tensor:
    return torch.einsum("ac,nchw->nahw", TO_YIQ, pictures)


def test_brightness_is_ntscs_and_a_gray_picture_is_its_own() -> None:
    back = torch.as_tensor(yiq2rgb(yiq(picture(0)).movedim(1, -1).numpy()))
    torch.testing.assert_close(back.movedim(-1, 1), picture(0), atol=1e-5, rtol=0)  # this is that color space
    torch.testing.assert_close(luminance(picture(0))[:, 0], yiq(picture(0))[:, 0])
    flat = gray(picture(0))
    torch.testing.assert_close(luminance(flat), luminance(picture(0)))
    torch.testing.assert_close(gray(flat), flat)


def test_brightness_of_one_and_colors_of_the_other() -> None:
    """Where nothing leaves [0, 1]."""
    result = in_colors_of(picture(0, 0.4, 0.6), picture(1, 0.4, 0.6))
    torch.testing.assert_close(yiq(result)[:, 0], yiq(picture(0, 0.4, 0.6))[:, 0])
    torch.testing.assert_close(yiq(result)[:, 1:], yiq(picture(1, 0.4, 0.6))[:, 1:], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(in_colors_of(picture(1), picture(1)), picture(1))
    extreme = in_colors_of(torch.ones(2, 3, 6, 7), picture(1))
    assert extreme.min() >= 0
    assert extreme.max() <= 1


def test_a_style_gets_the_photos_brightness_and_contrast() -> None:
    photo = picture(1, 0.3, 0.7)
    result = luminance(matched(picture(0), photo))
    assert float(result.mean()) == pytest.approx(float(luminance(photo).mean()), abs=1e-5)
    assert float(result.std()) == pytest.approx(float(luminance(photo).std()), abs=1e-5)
    assert torch.isfinite(matched(torch.full((1, 3, 4, 4), 0.5), photo)).all()
