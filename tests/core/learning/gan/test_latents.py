from __future__ import annotations

import math

import torch

from core.learning.gan.latents import closed_path, numbered_latents, slerp, step_latents


def test_a_number_determines_its_latent_whatever_others_are_requested() -> None:
    several = numbered_latents(range(3, 8), 16)
    assert torch.equal(several[2], numbered_latents([5], 16)[0])
    assert len(torch.unique(several, dim=0)) == 5


def test_latents_are_normal() -> None:
    values = numbered_latents(range(400), 32)
    assert abs(float(values.mean())) < 0.05
    assert abs(float(values.std()) - 1) < 0.05


def test_step_latents_depend_on_seed_and_step() -> None:
    assert torch.equal(step_latents(4, 8, seed=1, step=2), step_latents(4, 8, seed=1, step=2))
    different = [step_latents(4, 8, seed=seed, step=step) for seed, step in ((1, 2), (2, 1), (1, 3))]
    assert len(torch.unique(torch.stack(different), dim=0)) == 3


def test_halfway_between_two_directions_is_the_one_between_them_on_the_sphere() -> None:
    start, end = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    path = slerp(start, end, torch.tensor([0.0, 1 / 3, 1.0]))
    expected = torch.tensor([math.cos(math.pi / 6), math.sin(math.pi / 6)]) * (2 + 2 / 3)
    assert torch.allclose(path, torch.stack([start, expected, end]), atol=1e-6)


def test_a_path_from_a_latent_to_itself_stays_there() -> None:
    latent = numbered_latents([1], 8)[0]
    assert torch.allclose(slerp(latent, latent, torch.tensor([0.0, 0.5])), latent.expand(2, 8), atol=1e-6)


def test_a_closed_path_passes_every_latent_in_even_steps() -> None:
    latents = torch.nn.functional.normalize(numbered_latents(range(3), 8), dim=1)
    path = closed_path(latents, 4)
    assert path.shape == (12, 8)
    assert torch.allclose(path[::4], latents, atol=1e-6)
    assert torch.allclose(path.norm(dim=1), torch.ones(12), atol=1e-5)
    steps = (path - path.roll(-1, 0)).norm(dim=1).reshape(3, 4)
    assert torch.allclose(steps, steps[:, :1].expand(3, 4), atol=1e-5)
