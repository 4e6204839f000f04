from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d

from core.engine.style.edges import Measure, energy, sobel

MEASURES: tuple[Measure, ...] = ("mse", "mae")


def random_pictures(count: int = 1, height: int = 9, width: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_sobel_is_the_convolution_with_its_two_filters() -> None:
    picture = random_pictures()
    along_x = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)
    kernel = torch.stack([along_x, along_x.T])[:, None]
    for channel in range(3):
        expected = conv2d(picture[:, channel : channel + 1], kernel)
        torch.testing.assert_close(torch.stack([part[0, channel] for part in sobel(picture)]), expected[0])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_picture_has_no_energy(measure: Measure, value: float) -> None:
    assert energy(torch.full((2, 3, 7, 5), value), measure).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("measure", "at_the_edge"), [("mse", 16.0), ("mae", 4.0)])
def test_a_step_of_height_one_has_the_known_energy(measure: Measure, at_the_edge: float) -> None:
    picture = torch.zeros(1, 3, 6, 10)
    picture[..., 5:] = 1  # in the windows of 2 of the 8 inner columns, each with 1 + 2 + 1
    assert energy(picture, measure).item() == pytest.approx(2 / 8 * at_the_edge)
    assert energy(picture.mT, measure).item() == pytest.approx(2 / 8 * at_the_edge)


def test_energy_grows_with_contrast_as_its_measure_says() -> None:
    picture = random_pictures()
    torch.testing.assert_close(energy(3 * picture, "mse"), 9 * energy(picture, "mse"))
    torch.testing.assert_close(energy(3 * picture, "mae"), 3 * energy(picture, "mae"))


@pytest.mark.parametrize("measure", MEASURES)
def test_the_gradient_is_that_of_finite_differences(measure: Measure) -> None:
    picture = random_pictures(2, 5, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: energy(x, measure), picture)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_batch_is_its_pictures_one_by_one(measure: Measure) -> None:
    pictures = random_pictures(4)
    one_by_one = torch.cat([energy(picture[None], measure) for picture in pictures])
    torch.testing.assert_close(energy(pictures, measure), one_by_one)


@pytest.mark.parametrize("measure", ["mse", "mae"])
@pytest.mark.parametrize("value", [0, 1, 128, 254, 255])
def test_a_picture_of_one_color_has_no_edges_at_all(value: int, measure: Measure) -> None:
    assert energy(torch.full((1, 3, 9, 7), value / 255), measure).item() == 0
