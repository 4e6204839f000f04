from __future__ import annotations

import pytest
import torch

from core.engine.activations import recorded
from core.errors import Undefined
from core.networks.catalog import get_card
from core.networks.layout import as_map, block_names, layer_at, map_of
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


def test_maps_with_channels_last_are_turned() -> None:
    network = load(get_card("random/test_vit"))
    assert map_of(network, "any", torch.zeros(1, 10, 10, 64), (160, 160)).shape == (1, 64, 10, 10)
    assert map_of(network, "any", torch.zeros(1, 64, 10, 10), (160, 160)).shape == (1, 64, 10, 10)


@pytest.mark.parametrize("shape", [(1, 7, 64), (1, 2, 3, 4, 5)])
def test_what_lies_on_no_grid_has_no_map(shape: tuple[int, ...]) -> None:
    with pytest.raises(Undefined, match="layer any of random/test_vit"):
        map_of(load(get_card("random/test_vit")), "any", torch.zeros(shape), (160, 160))


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
