from __future__ import annotations

import torch

from core.engine.attribution.backward import around_gray, gradient, strongest_color


def test_each_value_s_gradient_is_of_its_own_picture() -> None:
    pictures = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    torch.testing.assert_close(gradient(pictures.square().sum(dim=1), pictures), 2 * pictures.detach())


def test_unrelated_tensors_get_a_zero_gradient() -> None:
    pictures, unrelated = torch.rand(2, 3, requires_grad=True), torch.rand(2, 4, requires_grad=True)
    assert gradient(pictures.sum(dim=1), unrelated).tolist() == torch.zeros(2, 4).tolist()
    assert gradient(torch.ones(2), pictures).tolist() == torch.zeros(2, 3).tolist()


def test_the_backward_pass_ends_at_the_requested_tensor() -> None:
    pictures = torch.rand(1, 3, requires_grad=True)
    reached: list[torch.Tensor] = []
    early = pictures * 2
    early.register_hook(reached.append)
    late = early.exp()
    gradient(late.sum(dim=1), late, retain_graph=True)
    assert not reached
    gradient(late.sum(dim=1), pictures)
    assert len(reached) == 1


def test_the_strongest_color_counts_whatever_its_sign() -> None:
    signal = torch.tensor([1.0, -3.0, 2.0]).view(1, 3, 1, 1)
    assert strongest_color(signal).tolist() == [[[3.0]]]


def test_a_signal_is_displayed_around_gray_and_an_outlier_does_not_gray_the_others() -> None:
    signal = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) - 0.5
    signal[0, 0, 0, 0] = 1000.0
    picture, factor = around_gray(signal)
    assert 0.9 < factor < 1.1
    torch.testing.assert_close(picture, 0.5 + factor * signal)
    nothing, factor = around_gray(torch.zeros(1, 3, 4, 4))
    assert (nothing.unique().tolist(), factor) == ([0.5], 1.0)
