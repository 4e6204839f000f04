from __future__ import annotations

import numpy as np
import pytest

from core.items import Pixels
from core.measures.features import (
    RINGS,
    Numbers,
    components,
    edge_energy,
    edge_wavelength,
    radial_spectrum,
    remaining_detail,
    ring_edges,
    ring_shares,
)


def gray(values: Numbers) -> Pixels:
    """(H, W) in [0, 1] as a picture."""
    return np.repeat(np.rint(values * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def waves(cycles: int, side: int = 64) -> Pixels:
    return gray(np.tile(0.5 + 0.4 * np.sin(2 * np.pi * cycles * (np.arange(side) + 0.5) / side), (side, 1)))


def disc(radius: float, at: tuple[float, float] = (32, 32), side: int = 64) -> Pixels:
    rows, columns = np.mgrid[:side, :side]
    return gray((np.hypot(rows - at[0], columns - at[1]) < radius).astype(float))


@pytest.mark.parametrize("cycles", [2, 5, 12])
def test_a_wave_has_its_power_and_its_wavelength_where_it_is(cycles: int) -> None:
    power = radial_spectrum(waves(cycles))
    assert power.argmax() + 1 == cycles
    assert power[max(0, cycles - 3) : cycles + 2].sum() > 0.98 * power.sum()
    assert edge_wavelength(waves(cycles)) == pytest.approx(1 / cycles, rel=0.15)


def test_half_the_size_is_half_the_wavelength_whatever_the_resolution() -> None:
    assert edge_wavelength(waves(4, 64)) == pytest.approx(edge_wavelength(waves(4, 128)), rel=0.05)


def test_the_extent_of_a_disc_is_its_diameter_over_the_width() -> None:
    for radius in (6, 12, 20):
        measured = remaining_detail(disc(radius), disc(radius))
        assert len(measured.sizes) == 1
        assert measured.feature_size == pytest.approx((2 * radius + 2) / 64, abs=2 / 64)


def test_two_discs_are_two_features_weighed_by_their_energy() -> None:
    both = np.maximum(disc(5, (14, 14)), disc(15, (40, 40)))
    measured = remaining_detail(both, both)
    assert sorted(measured.sizes) == pytest.approx([12 / 64, 32 / 64], abs=2 / 64)
    small, large = sorted(zip(measured.sizes, measured.weights, strict=True))
    assert large[1] / small[1] == pytest.approx(3, rel=0.35)  # by their circumference
    assert small[0] < measured.feature_size < large[0]


def test_what_is_destroyed_leaves_no_feature() -> None:
    measured = remaining_detail(disc(12), gray(np.full((64, 64), 0.5)))
    assert np.isnan(measured.feature_size)
    assert measured.edges_left == 0
    assert not len(measured.sizes)


def test_a_faint_rest_is_no_feature() -> None:
    faint = (disc(12) * 0.05).astype(np.uint8)
    assert not len(remaining_detail(disc(12), faint).sizes)


def test_single_pixels_are_no_features() -> None:
    energy = np.zeros((64, 64))
    energy[10, 10] = energy[30, 30] = 1.0
    assert not len(components(energy, 0.5)[0])


def test_rings_have_the_same_area_and_shares_add_up() -> None:
    shares = ring_shares(np.ones((512, 512)))
    assert shares.sum() == pytest.approx(1)
    assert shares == pytest.approx(np.full(RINGS, 1 / RINGS), abs=0.02)
    assert ring_edges()[-1] == 1
    assert ring_shares(np.ones((256, 512))) == pytest.approx(np.full(RINGS, 1 / RINGS), abs=0.02)


def test_what_is_left_at_the_border_weighs_more_than_1_and_at_the_center_less() -> None:
    random = np.random.default_rng(0).random((64, 64))
    inner = np.zeros((64, 64), bool)
    inner[12:52, 12:52] = True
    assert remaining_detail(gray(random), gray(random)).border_weight == pytest.approx(1)
    assert remaining_detail(gray(random), gray(np.where(inner, 0.5, random))).border_weight > 1.3
    assert remaining_detail(gray(random), gray(np.where(inner, random, 0.5))).border_weight < 0.7


def test_edge_energy_is_of_all_colors_and_both_directions() -> None:
    ramp = np.zeros((8, 8, 3), np.uint8)
    ramp[:, :, 1] = np.arange(8) * 10
    slope = 8 * 10 / 255  # Sobel's response is eight times the slope per pixel
    assert edge_energy(ramp)[4, 4] == pytest.approx(slope**2)
    assert edge_energy(ramp.swapaxes(0, 1))[4, 4] == pytest.approx(slope**2)


def test_what_needs_edges_is_no_number_without_any() -> None:
    plain, noise = gray(np.full((32, 32), 0.5)), gray(np.random.default_rng(0).random((32, 32)))
    nothing_left = remaining_detail(noise, plain)
    assert nothing_left.edges_left == 0
    for name in ("feature_size", "wavelength", "border_weight"):
        assert np.isnan(getattr(nothing_left, name)), name
    assert np.isnan(nothing_left.rings).all()
    assert np.isnan(remaining_detail(plain, noise).edges_left)
    assert np.isnan(remaining_detail(plain, noise).border_weight)
