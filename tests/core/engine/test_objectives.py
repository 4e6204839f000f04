from __future__ import annotations

import pytest
import torch
from torch import nn

from core.engine import objectives


@pytest.fixture
def values() -> torch.Tensor:
    return torch.randn(3, 4, 5, 7, generator=torch.Generator().manual_seed(0))


def test_channel_neuron_and_layer_by_hand(values: torch.Tensor) -> None:
    index = torch.tensor([0, 3, 1])
    for picture, chosen in enumerate(index.tolist()):
        assert objectives.channel(values, index)[picture].isclose(values[picture, chosen].mean())
        assert objectives.neuron(values, index)[picture] == values[picture, chosen, 2, 3]
        assert objectives.neuron(values, index, y=1.0, x=0.0)[picture] == values[picture, chosen, 4, 0]
        assert objectives.layer(values)[picture].isclose((values[picture] ** 2).mean())


def test_a_direction_along_one_channel_is_that_channel(values: torch.Tensor) -> None:
    along = torch.tensor([0.0, 2.5, 0.0, 0.0])  # its length does not matter
    torch.testing.assert_close(objectives.direction(values, along), values[:, 1].mean(dim=(1, 2)))


def test_a_caricature_of_the_photo_itself_is_its_energy(values: torch.Tensor) -> None:
    for power in (0.0, 1.0, 4.0):
        found = objectives.caricature(values, values, power)
        torch.testing.assert_close(found, values.square().sum(dim=1).mean(dim=(1, 2)))


def test_inversion_is_0_at_the_photo_and_1_at_nothing(values: torch.Tensor) -> None:
    assert objectives.inversion(values, values).tolist() == [0, 0, 0]
    torch.testing.assert_close(objectives.inversion(values * 0, values), torch.ones(3))


def test_a_class_is_asked_for_by_its_logit_or_the_log_of_its_probability() -> None:
    logits, index = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([1, 0])
    assert objectives.class_answer(logits, index, "logits").tolist() == [3.0, 0.0]
    expected = logits.softmax(1)[[0, 1], [1, 0]].log()
    torch.testing.assert_close(objectives.class_answer(logits, index, "probabilities"), expected)


def test_total_variation_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(6.0).repeat(1, 1, 4, 1) / 10
    torch.testing.assert_close(objectives.total_variation(ramp), torch.tensor([0.1]))


@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU6()])
def test_a_dead_unit_gets_a_gradient_only_where_it_would_wake(relu: nn.Module) -> None:
    values = torch.tensor([-1.0, 0.5, -1.0], requires_grad=True)
    upwards = torch.tensor([-1.0, -1.0, 1.0])  # what is minimized falls where a value rises, but for the last
    with objectives.freed_relus(relu):
        relu(values).backward(upwards)
    assert values.grad is not None
    assert values.grad.tolist() == [-1.0, -1.0, 0.0]
    assert not relu._forward_hooks
    (dead,) = torch.autograd.grad(relu(values).sum(), values)
    assert dead.tolist() == [0.0, 1.0, 0.0]
