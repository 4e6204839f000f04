from __future__ import annotations

import pytest
import torch
from torch import nn

from core.engine.activations import as_map, recorded


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


def test_tokens_are_folded_row_by_row_and_the_class_token_is_left_out() -> None:
    tokens = torch.arange(1 + 2 * 3.0)[None, :, None].repeat(1, 1, 5)  # a class token, then a grid of 2 x 3
    values = as_map(tokens, aspect=2 / 3, prefix=1)
    assert values.shape == (1, 5, 2, 3)
    assert values[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_maps_of_either_order_and_vectors_become_maps() -> None:
    values = torch.rand(2, 5, 3, 4)
    assert as_map(values, 3 / 4) is values
    assert torch.equal(as_map(values.movedim(1, -1), 3 / 4, channels_last=True), values)
    assert as_map(torch.rand(2, 7), 1.0).shape == (2, 7, 1, 1)
