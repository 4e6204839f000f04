from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.engine.ranges import resized
from core.engine.style.color_grid import ColorGrid, color_grid


def photo(height: int = 40, width: int = 56) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def affine(grid: ColorGrid, rows: list[list[float]]) -> ColorGrid:
    """The grid with one transform everywhere."""
    with torch.no_grad():
        grid.transforms.copy_(torch.tensor(rows).reshape(1, 12, 1, 1, 1).expand_as(grid.transforms))
    return grid


def test_at_first_nothing_is_changed_at_any_size() -> None:
    grid = color_grid(photo(), 16, 8)
    assert grid.transforms.shape == (1, 12, 8, 3, 5)  # 40 x 56 px in 2 x 4 cells of about 16
    torch.testing.assert_close(grid.picture(), photo(), atol=1e-6, rtol=0)
    large = resized(photo(), (90, 126))
    torch.testing.assert_close(grid.applied(large), large, atol=1e-6, rtol=0)
    assert float(grid.roughness().detach()) == 0


def test_one_transform_everywhere_is_the_affine_change_of_color() -> None:
    rows = [[0.5, 0.1, 0.0, 0.2], [0.0, 0.7, 0.1, 0.0], [0.2, 0.0, 0.3, 0.1]]
    grid = affine(color_grid(photo(), 16, 4), rows)
    matrix = torch.tensor(rows)
    expected = torch.einsum("ij,njhw->nihw", matrix[:, :3], photo()) + matrix[:, 3].view(1, 3, 1, 1)
    torch.testing.assert_close(grid.picture(), expected, atol=1e-6, rtol=0)
    assert float(grid.roughness().detach()) == 0


@pytest.mark.parametrize(("shade", "brightness"), [(0, 0.0), (1, 0.5), (2, 1.0)])
def test_each_brightness_has_transforms_of_its_own(shade: int, brightness: float) -> None:
    grays = torch.tensor([0.0, 0.5, 1.0]).repeat_interleave(8).expand(1, 3, 8, 24)
    grid = color_grid(grays, 8, 3)
    with torch.no_grad():
        grid.transforms[:, 3, shade] += 0.25 if brightness < 1 else -0.25  # the offset of red
    changed = (grid.picture() - grays).abs() > 1e-4
    assert torch.equal(changed[:, 0], grays[:, 0] == brightness)
    assert not changed[:, 1:].any()


def test_where_color_is_the_same_it_changes_with_place_as_a_ramp_between_cells() -> None:
    gray = torch.full((1, 3, 9, 33), 0.5)
    grid = color_grid(gray, 8, 2)
    with torch.no_grad():
        grid.transforms[:, 3] += torch.linspace(0, 0.4, 5)  # five columns of cells
    torch.testing.assert_close(grid.picture()[0, 0], 0.5 + torch.linspace(0, 0.4, 33).expand(9, -1))


@pytest.mark.parametrize("cell_px", [4, 16])
def test_roughness_is_that_of_the_slope_whatever_the_cells(cell_px: int) -> None:
    grid = color_grid(photo(33, 65), cell_px, 5)
    columns = grid.transforms.shape[4]
    with torch.no_grad():
        grid.transforms.add_(torch.linspace(0, 3, columns))  # every coefficient rises by 3 from left to right
    assert float(grid.roughness().detach()) == pytest.approx(9, rel=1e-4)


def test_gradients_reach_every_transform_that_a_pixel_uses() -> None:
    grid = color_grid(photo(), 16, 2)
    grid.picture().sum().backward()
    assert grid.transforms.grad is not None
    assert (grid.transforms.grad.abs().sum(dim=1) > 0).all()
    assert grid.tensors == (grid.transforms,)
