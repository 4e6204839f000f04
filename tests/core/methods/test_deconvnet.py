"""Properties of deconvnet alone; `test_guided_backprop.py` tests those of both methods."""

from __future__ import annotations

import torch
from torch import nn

from core import engine
from tests.core.methods.attributions import made, small


def test_max_pooling_passes_the_signal_to_its_maxima() -> None:
    network = small(nn.MaxPool2d(12), nn.ReLU(), nn.Flatten(), nn.Linear(3, 3))
    network.model[3].weight.data = torch.eye(3)  # type: ignore[index, union-attr]
    picture = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.5
    picture[0, 1, 4, 7] = 1.0
    rules = engine.attribution.activation_rules.PositiveSignal(guided=False, soft=False)
    signal, _ = made("deconvnet", class_name="dog").signal(network, picture, rules)
    assert signal.nonzero().tolist() == [[0, 1, 4, 7]]


def test_the_signal_passes_units_that_are_off() -> None:
    network = small(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.model[0].bias.data = torch.full((3,), -100.0)  # type: ignore[index, union-attr]
    picture = torch.rand(1, 3, 12, 12)
    signals = [
        made(name, class_name="dog").signal(
            network, picture, engine.attribution.activation_rules.PositiveSignal(guided=guided, soft=False)
        )[0]
        for name, guided in (("deconvnet", False), ("guided_backprop", True))
    ]
    assert signals[0].abs().amax() > 0
    assert signals[1].abs().amax() == 0
