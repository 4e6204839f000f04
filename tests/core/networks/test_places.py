from __future__ import annotations

from functools import cache

import pytest
import timm
import torch
from timm.models.nest import deblockify
from torch import Tensor, nn

from core.engine.attribution.activation_rules import PositiveSignal
from core.errors import Undefined
from core.method_base.layer_choice import layer_values
from core.networks.catalog import get_card
from core.networks.layout import layer_at, map_of
from core.networks.loading import load
from core.networks.network import Network
from core.networks.places import FEATURES, Places, input_of, places_of, tensors_in
from tests.core.methods.conftest import card
from tests.support.located import located, one_of_each_module, right

SAMPLE = {
    "tnt_s_legacy_patch16_224": {"img_size": 112, "depth": 3, "embed_dim": 96, "num_heads_outer": 3},
    "hiera_tiny_224": {"img_size": (128, 128), "stages": (1, 1, 1, 1), "embed_dim": 48},
    "deit_tiny_distilled_patch16_224": {"img_size": 112, "depth": 3},
    "swin_tiny_patch4_window7_224": {
        "img_size": 112, "depths": (1, 1, 2, 1), "embed_dim": 32, "num_heads": (2, 2, 2, 2)
    },
    "maxvit_pico_rw_256": {"img_size": 128, "depths": (1, 1, 1, 1)},
    "coat_tiny": {"img_size": 128, "serial_depths": (1, 1, 1, 1), "parallel_depth": 2},
    "nest_tiny": {"img_size": 112},
    "convnext_zepto_rms": {},
}  # fmt: skip
"""Architectures of diverse layouts, with arguments that make them smaller."""
DEPTHS = (0.25, 0.5, 0.75)
PARTS = 20
"""Of the whole catalog, so that each takes a minute or two."""


@cache
def made(architecture: str) -> Network:
    torch.manual_seed(0)
    model = timm.create_model(architecture, num_classes=5, **SAMPLE[architecture])
    side = torch.tensor(SAMPLE[architecture].get("img_size", 128)).max().item()
    return Network(card(architecture).model_copy(update={"input_px": (side, side)}), model, "0" * 64)


def small(*parts: nn.Module) -> Network:
    """A network of 32 x 32 pixels whose layers are `0`, `1` and so on."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), *parts)
    return Network(card("small").model_copy(update={"input_px": (32, 32)}), model, "0" * 64)


class Applied(nn.Module):
    """A function of maps (N, 6, 8, 8) as a layer."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def noise(network: Network, count: int = 2) -> Tensor:
    return torch.rand(count, 3, *network.card.input_px, generator=torch.Generator().manual_seed(3))


def output_of(network: Network, layer: str, pictures: Tensor) -> object:
    kept: list[object] = []
    hook = network.layer(layer).register_forward_hook(lambda _, __, output: kept.append(output))
    with torch.no_grad():
        network(pictures)
    hook.remove()
    return kept[0]


@pytest.mark.parametrize("architecture", SAMPLE)
def test_a_changed_place_moves_the_map_there_and_a_batch_is_its_pictures(architecture: str) -> None:
    network = made(architecture)
    seen = located(network, network.layers())
    for depth in DEPTHS:
        assert seen[layer_at(network, depth)].undefined == ""
    assert {layer: one for layer, one in seen.items() if not one.undefined and not right(one)} == {}


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_every_map_of_every_architecture_is_one_of_the_picture(part: int) -> None:
    for name in one_of_each_module()[part::PARTS]:
        network = load(get_card(name))
        seen = located(network, network.layers())
        wrong = {layer: one for layer, one in seen.items() if not one.undefined and not right(one)}
        assert (name, wrong) == (name, {})
        assert all("is not a map: " in one.undefined for one in seen.values() if one.undefined)


def test_of_a_layer_s_tensors_the_one_whose_first_axis_is_the_pictures_is_read() -> None:
    network = made("tnt_s_legacy_patch16_224")
    pictures = noise(network)
    pixels, patches = output_of(network, "blocks.1", pictures)  # type: ignore[misc]
    assert len(pixels) == 2 * 49
    values = layer_values(network, "blocks.1", pictures)
    torch.testing.assert_close(values, patches[:, 1:].mT.unflatten(2, (7, 7)))
    with pytest.raises(Undefined, match=r"first axis is not that of the pictures \(49 x 16 x 24 for one picture\)"):
        places_of(network, "blocks.1.attn_in")


@pytest.mark.parametrize("block", range(4))
def test_tokens_in_mask_units_are_put_in_order(block: int) -> None:
    network = made("hiera_tiny_224")
    pictures = noise(network)
    tokens = output_of(network, f"blocks.{block}", pictures)
    rolled = network.model.reroll(tokens, block).movedim(-1, 1)  # timm's own order
    assert rolled.shape[2] == 32 // 2**block
    torch.testing.assert_close(layer_values(network, f"blocks.{block}", pictures), rolled)


def test_tokens_in_blocks_are_put_in_order() -> None:
    network = made("nest_tiny")
    pictures = noise(network)
    blocks = output_of(network, "levels.0.transformer_encoder.0", pictures)
    values = layer_values(network, "levels.0.transformer_encoder.0", pictures)
    assert values.shape == (2, 96, 28, 28)
    torch.testing.assert_close(values, deblockify(blocks, 7).movedim(-1, 1))


@pytest.mark.parametrize(
    ("architecture", "layer"),
    [
        ("swin_tiny_patch4_window7_224", "layers.0.blocks.0.attn"),
        ("maxvit_pico_rw_256", "stages.0.blocks.0.attn_block.attn"),
    ],
)
def test_inside_windows_the_first_axis_is_not_that_of_the_pictures(architecture: str, layer: str) -> None:
    network = made(architecture)
    with pytest.raises(Undefined, match=rf"layer {layer} of .*{architecture} is not a map: its first axis"):
        layer_values(network, layer, noise(network))


def test_maps_and_vectors_of_any_layout_are_recognized() -> None:
    expected = {
        "1": (Applied(lambda x: {"a": (x.movedim(1, -1),)}), Places(0, -1)),
        "2": (Applied(lambda out: out["a"][0].flatten(1, 2)), Places(0, -1, "rows")),
        "3": (
            Applied(lambda x: torch.cat([x.mean(dim=1, keepdim=True)] * 3 + [x], dim=1)),
            Places(0, -1, "rows", 0, 3),
        ),
        "4": (Applied(lambda x: x[:, 3:].mT), Places(0, 1, "rows")),
        "5": (Applied(lambda x: [x.mean(dim=2), x]), Places(0, 1, "one")),
        "6": (Applied(lambda out: out[0]), Places(0, 1, "one")),
    }
    network = small(*(layer for layer, _ in expected.values()))
    assert places_of(network, "0") == Places(0)
    assert places_of(network, input_of("4")) == Places(0, -1, "rows", 0, 3)
    assert places_of(network, FEATURES) == Places(0, 1, "one")
    for name, (_, places) in expected.items():
        if name != "5":
            assert places_of(network, name) == places


def test_of_a_vector_and_a_map_the_map_is_read_and_what_is_passed_on_is_not() -> None:
    network = small(Applied(lambda x: (x.mean(dim=(2, 3)), x, 2 * x)), Applied(lambda out: out[0]))
    assert places_of(network, "1") == Places(2)


def test_what_does_not_follow_the_picture_is_undefined() -> None:
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    network = small(
        Applied(lambda x: x.flatten(2)[:, :, order].unflatten(2, (8, 8))),
        Applied(lambda x: x.mean(dim=(2, 3), keepdim=True).expand_as(x)),
        Applied(lambda x: x.flatten(2)[:, :, :61].mT),
        Applied(lambda x: x[:, None, None]),
    )
    for name, reason in (("1", "do not follow"), ("2", "do not follow"), ("3", "fill no grid"), ("4", "no axes of")):
        with pytest.raises(Undefined, match=reason):
            places_of(network, name)


def test_rows_and_columns_follow_the_shape_of_the_picture() -> None:
    tokens = torch.arange(1 + 2 * 3.0)[None, :, None].repeat(1, 1, 5)  # a class token, then a grid of 2 x 3
    values = Places(0, -1, "rows", 0, 1).map_of(tokens, 2 / 3)
    assert values.shape == (1, 5, 2, 3)
    assert values[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(Undefined, match="do not fill a grid"):
        Places(0, -1, "rows").map_of(tokens, 2 / 3)


def test_places_are_found_once_and_change_nothing_of_the_network() -> None:
    network = small(nn.ReLU(), nn.Conv2d(6, 4, 3, padding=1))
    calls: list[int] = []
    hook = network.register_forward_hook(lambda *_: calls.append(1))
    for name in ("0", "1", "2", "0"):
        places_of(network, name)
    hook.remove()
    assert len(calls) == 6  # one picture, and five pairs
    assert not any(module._forward_hooks for module in network.modules())


def test_places_are_found_apart_from_the_rules_of_the_pass_around() -> None:
    network = small(nn.ReLU(), nn.Conv2d(6, 4, 3, padding=1))
    with PositiveSignal(guided=True, soft=False) as rules:
        layer_values(network, "2", noise(network))
    assert rules.count() == 1


def test_other_values_of_the_shape_of_a_layer_are_arranged_as_its_output() -> None:
    network = made("hiera_tiny_224")
    pictures = noise(network, 1)
    numbers = torch.arange(32 * 32.0)[None, :, None]
    rolled = network.model.reroll(numbers, 0)[0, :, :, 0]
    assert torch.equal(map_of(network, "blocks.0", numbers, network.card.input_px)[0, 0], rolled)
    assert len(tensors_in(output_of(network, "blocks.0", pictures))) == 1
