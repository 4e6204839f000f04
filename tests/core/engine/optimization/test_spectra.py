from __future__ import annotations

import torch

from core.engine.optimization import spectra


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_photo_survives_the_round_trip_through_fourier_coefficients() -> None:
    for height, width in ((16, 16), (15, 20), (20, 15)):
        photo = torch.rand(2, 3, height, width) * 0.9 + 0.05
        torch.testing.assert_close(spectra.fourier_of(photo).picture(), photo, atol=1e-4, rtol=0)


def test_color_decorrelation_is_invertible() -> None:
    photo = torch.rand(1, 3, 4, 4) * 0.9 + 0.05
    torch.testing.assert_close(spectra.colored(spectra.uncolored(photo)), photo, atol=1e-5, rtol=0)


def test_random_fourier_pictures_are_nearly_gray_and_depend_on_the_seed() -> None:
    sheet, again = (spectra.random_fourier(2, 32, 32, generator(1), torch.device("cpu")) for _ in range(2))
    assert torch.equal(sheet.picture(), again.picture())
    assert (sheet.picture() - 0.5).abs().max() < 0.2
    assert sheet.coefficients.requires_grad
    assert sheet.coefficients.is_leaf


def test_a_coefficient_is_scaled_by_one_over_its_frequency() -> None:
    scale = spectra.falloff(64, 64)
    assert torch.isclose(scale[0, 2] / scale[0, 4], torch.tensor(2.0))
    assert torch.isclose(scale[2, 0], scale[0, 2])
    assert scale[0, 0] == scale[0, 1]  # the mean counts as one cycle over the side


def test_magnitudes_are_those_of_the_photos_whatever_the_phases() -> None:
    photos = torch.rand(3, 3, 16, 18) * 0.8 + 0.1
    magnitudes = spectra.magnitudes_of(photos)
    sheet = spectra.random_phases(2, magnitudes, 18, generator())
    inner = torch.fft.rfft2(spectra.uncolored(sheet.picture()))[..., 1:8, 1:8].abs()
    expected = magnitudes[..., 1:8, 1:8].expand_as(inner)
    assert ((inner - expected).abs() / expected).median() < 0.1


def test_one_photos_own_phases_give_the_photo() -> None:
    photo = torch.rand(1, 3, 12, 12) * 0.8 + 0.1
    spectrum = torch.fft.rfft2(spectra.uncolored(photo))
    sheet = spectra.PhaseParameterization(spectrum.angle(), spectrum.abs()[0], 12)
    torch.testing.assert_close(sheet.picture(), photo, atol=1e-4, rtol=0)
