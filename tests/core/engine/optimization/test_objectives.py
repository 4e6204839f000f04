from __future__ import annotations

import pytest
import torch
from torch import nn

from core.engine.optimization import objectives


@pytest.fixture
def values() -> torch.Tensor:
    return torch.randn(3, 4, 5, 7, generator=torch.Generator().manual_seed(0))


def test_channel_neuron_and_layer_by_hand(values: torch.Tensor) -> None:
    index = torch.tensor([0, 3, 1])
    for picture, unit in enumerate(index.tolist()):
        channels, neurons = objectives.channels(values), objectives.neurons(values)
        assert objectives.selected(channels, index)[picture].isclose(values[picture, unit].mean())
        assert objectives.selected(neurons, index)[picture] == values[picture, unit, 2, 3]
        assert objectives.neurons(values, y=1.0, x=0.0)[picture, unit] == values[picture, unit, 4, 0]
        assert objectives.layer(values)[picture].isclose((values[picture] ** 2).mean())


def test_a_direction_along_one_channel_is_that_channel(values: torch.Tensor) -> None:
    along = torch.tensor([0.0, 2.5, 0.0, 0.0])  # its length does not matter
    torch.testing.assert_close(objectives.direction(values, along), values[:, 1].mean(dim=(1, 2)))


def test_a_caricature_of_the_photo_itself_is_its_energy(values: torch.Tensor) -> None:
    for power in (0.0, 1.0, 4.0):
        result = objectives.caricature(values, values, power)
        torch.testing.assert_close(result, values.square().sum(dim=1).mean(dim=(1, 2)))


def test_inversion_is_0_at_the_photo_and_1_at_nothing(values: torch.Tensor) -> None:
    assert objectives.inversion(values, values).tolist() == [0, 0, 0]
    torch.testing.assert_close(objectives.inversion(values * 0, values), torch.ones(3))


def test_a_class_is_targeted_by_its_logit_or_the_log_of_its_probability() -> None:
    logits, index = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([1, 0])
    assert objectives.class_score(logits, index, "logits").tolist() == [3.0, 0.0]
    expected = logits.softmax(1)[[0, 1], [1, 0]].log()
    torch.testing.assert_close(objectives.class_score(logits, index, "probabilities"), expected)


def test_total_variation_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(6.0).repeat(1, 1, 4, 1) / 10
    torch.testing.assert_close(objectives.total_variation(ramp), torch.tensor([0.1]))


@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU6()])
def test_a_picture_without_any_gradient_gets_one_that_activates_its_units(relu: nn.Module) -> None:
    values = torch.tensor([[-1.0, 0.5, -1.0], [-1.0, -0.5, -1.0]], requires_grad=True)  # the second is dead
    upwards = torch.tensor([[-1.0, -1.0, 1.0]] * 2)  # what is minimized falls where a value rises, but for the last
    with objectives.redirected_relu(relu):
        relu(values).backward(upwards)
    assert values.grad is not None
    assert values.grad.tolist() == [[0.0, -1.0, 0.0], [-1.0, -1.0, 0.0]]
    (plain,) = torch.autograd.grad(relu(values).sum(), values)
    assert plain.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_relus_are_restored_after_an_error() -> None:
    relu = nn.ReLU()
    with pytest.raises(RuntimeError, match="in between"), objectives.redirected_relu(relu):
        raise RuntimeError("in between")
    values = torch.tensor([[-1.0]], requires_grad=True)
    relu(values).backward(torch.tensor([[-1.0]]))
    assert values.grad is not None
    assert values.grad.tolist() == [[0.0]]


def test_the_most_excited_units_have_the_largest_z_scores() -> None:
    others = torch.tensor([[0.0, 10.0, 5.0, 1.0], [2.0, 12.0, 5.0, 3.0]])  # spreads 1, 1, 0, 1
    own = torch.tensor([[3.0, 12.0, 9.0, 7.0]])  # above by 2, 1, nothing to measure by, 5
    assert objectives.most_excited_units(own, others, 4).tolist() == [3, 0, 1, 2]


def test_numbered_units_are_in_order() -> None:
    assert objectives.unit_range(3, 2, torch.device("cpu")).tolist() == [3, 4]
