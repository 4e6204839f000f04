from __future__ import annotations

import pytest
import torch
from torch import nn

from core.learning.optimizers import adam, take_step


def test_the_first_step_of_adam_moves_every_parameter_by_the_learning_rate() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    optimizer = adam(layer, 1.0, beta1=0.5)
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.999)
    take_step(optimizer, layer(torch.ones(1, 3)).sum(), 0.01)
    torch.testing.assert_close(before - layer.weight, torch.full_like(before, 0.01))


def test_gradients_of_earlier_steps_do_not_add_up() -> None:
    layer = nn.Linear(1, 1, bias=False)
    optimizer = adam(layer, 0.1)
    for _ in range(2):
        take_step(optimizer, 3 * layer.weight.sum(), 0.1)
    assert layer.weight.grad is not None
    assert layer.weight.grad.item() == pytest.approx(3)
