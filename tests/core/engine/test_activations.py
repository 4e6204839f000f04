from __future__ import annotations

import pytest
import torch
from torch import nn

from core.engine.activations import recorded


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_outputs_are_recorded_and_no_hook_stays_behind() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with recorded({"first": model[0], "last": model[2]}) as found:
        answer = model(torch.ones(1, 3))
    assert torch.equal(found["last"], answer)
    assert torch.equal(found["first"], model[0](torch.ones(1, 3)))
    assert hooks(model) == 0


def test_no_hook_stays_behind_an_error() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    with pytest.raises(RuntimeError), recorded({"first": model[0]}):
        model(torch.ones(1, 7))
    assert hooks(model) == 0
