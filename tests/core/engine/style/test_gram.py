from __future__ import annotations

import torch
from torch import Tensor

from core.engine.style.gram import gram, smoothed


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_of_a_constant_map_it_is_the_product_of_its_colors() -> None:
    colors = torch.tensor([0.5, 2.0, -1.0])
    result = gram(colors.view(1, 3, 1, 1).expand(1, 3, 4, 7))
    torch.testing.assert_close(result, torch.outer(colors, colors))


def test_it_does_not_depend_on_the_order_of_positions_or_parts() -> None:
    values = maps(1, 5, 4, 6)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = values.flatten(2)[:, :, order].view(1, 5, 6, 4)
    parts = values.view(5, 4, 2, 3).movedim(2, 0).contiguous()  # two windows of half the width
    for other in (shuffled, parts):
        torch.testing.assert_close(gram(other), gram(values))


def test_it_is_symmetric_with_mean_squares_on_its_diagonal() -> None:
    values = maps(2, 4, 3, 3)
    result = gram(values)
    torch.testing.assert_close(result, result.T)
    torch.testing.assert_close(result.diagonal(), values.square().mean(dim=(0, 2, 3)))


def test_weights_select_positions() -> None:
    values = maps(1, 4, 6, 8)
    left = torch.zeros(1, 1, 6, 8, dtype=torch.float64)
    left[..., :3] = 1
    torch.testing.assert_close(gram(values, left), gram(values[..., :3]))
    torch.testing.assert_close(gram(values, torch.full_like(left, 0.3)), gram(values))


def test_its_distance_has_the_gradient_of_the_closed_form() -> None:
    """d |G - A|^2 / dF = 4 (G - A) F / places, for a symmetric A."""
    values, target = maps(1, 4, 3, 5).requires_grad_(), gram(maps(1, 4, 6, 6, seed=1))
    (result,) = torch.autograd.grad((gram(values) - target).square().sum(), values)
    rows = values.detach().flatten(2)[0]
    expected = 4 * (rows @ rows.T / 15 - target) @ rows / 15
    torch.testing.assert_close(result, expected.view_as(values))


def test_half_precision_of_the_network_is_not_that_of_the_sums() -> None:
    values = maps(1, 4, 30, 30).float() + 3
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = gram(values)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, gram(values))


def test_smoothing_keeps_order_and_mean_and_takes_peaks_down() -> None:
    values = maps(2, 3, 8, 8).clamp_min(0)
    values[0, 0, 0, 0] = 30.0
    scale = 0.5 * values.max()
    result = smoothed(values, scale)
    torch.testing.assert_close(result.mean(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(result.log(), values / scale + result.log().min())  # a softmax is a softmax
    before, after = (each.flatten() / each.sum() for each in (values + 1e-12, result))
    assert -(after * after.log()).sum() > -(before * before.log()).sum()  # more entropy, as the paper wants it


def test_smoothing_makes_a_constant_map_of_ones() -> None:
    torch.testing.assert_close(smoothed(torch.full((1, 2, 3, 3), 7.0), torch.tensor(2.0)), torch.ones(1, 2, 3, 3))
