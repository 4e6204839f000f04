from __future__ import annotations

import pytest
import torch

from core.engine.activations import recorded
from core.networks.catalog import get_card
from core.networks.layout import block_names, layer_at, map_of
from core.networks.loading import load

CASES = {
    "random/test_resnet": (["layer1.0", "layer2.0", "layer3.0", "layer4.0"], [(40, 40), (20, 20), (10, 10), (5, 5)]),
    "random/test_vit": (["blocks.1", "blocks.2", "blocks.4", "blocks.5"], [(10, 10)] * 4),
    "random/mixer_s32_224": (["blocks.1", "blocks.3", "blocks.5", "blocks.7"], [(7, 7)] * 4),
    "random/test_convnext": (
        ["stages.1.blocks.1", "stages.2.blocks.1", "stages.2.blocks.3", "stages.3.blocks.1"],
        [(20, 20), (10, 10), (10, 10), (5, 5)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_quarter_of_the_depth_is_a_quarter_of_the_blocks_and_each_has_a_map(name: str) -> None:
    network = load(get_card(name))
    layers = [layer_at(network, depth) for depth in (0.25, 0.5, 0.75, 1.0)]
    expected_layers, expected_grids = CASES[name]
    assert layers == expected_layers
    with recorded({layer: network.layer(layer) for layer in layers}) as found, torch.no_grad():
        network(torch.zeros(2, 3, *network.card.input_px))
    maps = [map_of(network, layer, found[layer], network.card.input_px) for layer in layers]
    assert [tuple(values.shape[2:]) for values in maps] == expected_grids
    assert {len(values) for values in maps} == {2}


def test_the_least_depth_is_the_first_block() -> None:
    network = load(get_card("random/test_resnet"))
    assert layer_at(network, 0.01) == block_names(network)[0]
