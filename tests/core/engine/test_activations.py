from __future__ import annotations

import pytest
import torch
from torch import nn

from core.engine.activations import outputs_of, recorded
from core.errors import Undefined


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_outputs_are_recorded_and_no_hook_stays_behind() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with recorded({"first": model[0], "last": model[2]}) as result:
        answer = model(torch.ones(1, 3))
    assert torch.equal(result["last"], answer)
    assert torch.equal(result["first"], model[0](torch.ones(1, 3)))
    assert hooks(model) == 0


def test_no_hook_stays_behind_an_error() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    with pytest.raises(RuntimeError), recorded({"first": model[0]}):
        model(torch.ones(1, 7))
    assert hooks(model) == 0


def test_several_layers_are_read_in_one_pass_that_ends_at_the_last_of_them() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(7, 7))  # the last one cannot run
    layers = {"late": model[2], "early": model[0]}
    result = outputs_of(layers, model, torch.ones(1, 3))
    assert result.keys() == layers.keys()
    assert torch.equal(result["early"], model[0](torch.ones(1, 3)))
    assert torch.equal(result["late"], model[2](model[1](result["early"])))
    assert result["late"].requires_grad
    assert hooks(model) == 0


def test_a_layer_that_never_runs_is_undefined_and_leaves_no_hook() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    with pytest.raises(Undefined, match="some of these layers have no part"):
        outputs_of({"own": model[0], "other": nn.Linear(2, 2)}, model, torch.ones(1, 3))
    assert hooks(model) == 0
