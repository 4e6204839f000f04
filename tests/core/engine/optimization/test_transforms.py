from __future__ import annotations

import torch

from core.engine.optimization.transforms import RandomTransforms, transformed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_transforms_the_picture_is_returned_itself() -> None:
    picture = torch.rand(2, 3, 8, 12)
    assert transformed(picture, RandomTransforms(0, 0, 0), generator()) is picture


def test_transforms_depend_on_the_seed_and_differ_by_picture() -> None:
    picture = torch.rand(1, 3, 24, 24).repeat(2, 1, 1, 1)
    first, again = (transformed(picture, RandomTransforms(), generator(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, transformed(picture, RandomTransforms(), generator(4)))
    assert not torch.equal(first[0], first[1])


def test_a_constant_picture_stays_what_it_is() -> None:
    picture = torch.full((3, 3, 20, 10), 0.3)
    torch.testing.assert_close(transformed(picture, RandomTransforms(0.3, 0.3, 90), generator()), picture)


def test_a_shift_goes_no_further_than_it_may() -> None:
    picture = torch.zeros(200, 1, 40, 60)
    picture[:, :, 20, 30] = 1.0
    result = transformed(picture, RandomTransforms(jitter=0.1, scale=0, rotate=0), generator())
    mass = result.sum(dim=(1, 2, 3))
    y = (result.sum(dim=3)[:, 0] * torch.arange(40.0)).sum(dim=1) / mass - 20
    x = (result.sum(dim=2)[:, 0] * torch.arange(60.0)).sum(dim=1) / mass - 30
    assert 3 < y.abs().max() <= 4.01
    assert 5 < x.abs().max() <= 6.01


def test_a_rotation_keeps_a_disc_a_disc_in_a_wide_picture() -> None:
    rows, columns = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(80) - 39.5, indexing="ij")
    disc = (rows.square() + columns.square() <= 12**2).float()[None, None].repeat(20, 1, 1, 1)
    result = transformed(disc, RandomTransforms(jitter=0, scale=0, rotate=180), generator())
    middle = (..., slice(6, 34), slice(26, 54))  # further out, what comes in is mirrored
    assert (result - disc)[middle].abs().mean() < 0.05


def test_gradients_flow_through_the_transforms() -> None:
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    transformed(picture, RandomTransforms(), generator()).square().sum().backward()
    assert picture.grad is not None
    assert (picture.grad != 0).float().mean() > 0.5
