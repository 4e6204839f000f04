from __future__ import annotations

import math

import torch

from core.learning.gan.latents import around, numbered, of_step, spherical


def test_a_number_stands_for_one_latent_whatever_others_are_asked_for() -> None:
    together = numbered(range(3, 8), 16)
    assert torch.equal(together[2], numbered([5], 16)[0])
    assert len(torch.unique(together, dim=0)) == 5


def test_latents_are_normal() -> None:
    values = numbered(range(400), 32)
    assert abs(float(values.mean())) < 0.05
    assert abs(float(values.std()) - 1) < 0.05


def test_those_of_a_step_are_decided_by_the_seed_and_the_step() -> None:
    assert torch.equal(of_step(4, 8, seed=1, step=2), of_step(4, 8, seed=1, step=2))
    others = [of_step(4, 8, seed=seed, step=step) for seed, step in ((1, 2), (2, 1), (1, 3))]
    assert len(torch.unique(torch.stack(others), dim=0)) == 3


def test_halfway_between_two_directions_is_the_one_between_them_on_the_sphere() -> None:
    here, there = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    way = spherical(here, there, torch.tensor([0.0, 1 / 3, 1.0]))
    expected = torch.tensor([math.cos(math.pi / 6), math.sin(math.pi / 6)]) * (2 + 2 / 3)
    assert torch.allclose(way, torch.stack([here, expected, there]), atol=1e-6)


def test_a_way_from_a_latent_to_itself_stays_there() -> None:
    latent = numbered([1], 8)[0]
    assert torch.allclose(spherical(latent, latent, torch.tensor([0.0, 0.5])), latent.expand(2, 8), atol=1e-6)


def test_a_walk_comes_by_every_station_and_back_in_even_steps() -> None:
    stations = torch.nn.functional.normalize(numbered(range(3), 8), dim=1)
    way = around(stations, 4)
    assert way.shape == (12, 8)
    assert torch.allclose(way[::4], stations, atol=1e-6)
    assert torch.allclose(way.norm(dim=1), torch.ones(12), atol=1e-5)
    steps = (way - way.roll(-1, 0)).norm(dim=1).reshape(3, 4)
    assert torch.allclose(steps, steps[:, :1].expand(3, 4), atol=1e-5)
