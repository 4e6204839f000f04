from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch

from core.networks.catalog import get_card
from core.networks.layers import SharedLayer, blocks_among, depths, keep_layers, layers_of, shared_layers
from core.networks.layout import layer_at
from core.networks.loading import load
from core.networks.network import Network

from .conftest import WriteNetwork

FAMILIES = {
    "cnn": ["resnet50", "densenet121", "convnext_atto", "tf_efficientnet_lite0", "vgg11", "regnety_002", "hrnet_w18"],
    "vit": ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "crossvit_tiny_240", "xcit_nano_12_p16_224"],
    "mixer": ["mixer_s32_224", "gmlp_ti16_224", "resmlp_12_224", "sequencer2d_s"],
    "hybrid": ["coatnet_nano_rw_224", "levit_128s", "mobilevit_xxs", "efficientvit_m0", "fastvit_sa12"],
}
CASES = [(family, name) for family, names in FAMILIES.items() for name in names]


def built(name: str) -> Network:
    """The network without weights."""
    card = get_card(f"random/{name}")
    with torch.device("meta"):
        model = timm.create_model(card.architecture, num_classes=len(card.class_names))
    return Network(card, model, "")


@pytest.mark.parametrize(("family", "name"), CASES)
def test_the_catalog_lists_the_layers_of_the_built_network(family: str, name: str) -> None:
    network = built(name)
    assert network.card.family == family
    assert list(layers_of(network.card)) == network.layers()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "mixer_s32_224", "test_convnext", "gmlp_ti16_224"])
def test_a_blocks_depth_leads_back_to_it(name: str) -> None:
    network = load(get_card(f"random/{name}"))
    found = depths(network.layers())
    for block in {layer_at(network, share / 100) for share in range(1, 101)}:
        assert layer_at(network, found[block] / 100) == block


def test_depth_grows_from_the_stem_to_the_head() -> None:
    layers = ["stem", "blocks.0", "blocks.1", "downsample", "blocks.2", "head"]
    assert depths(layers) == {
        "stem": 0, "blocks.0": 33, "blocks.1": 66, "downsample": 66, "blocks.2": 100, "head": 100,
    }  # fmt: skip


def test_a_network_of_few_blocks_is_counted_in_all_its_layers_but_the_head() -> None:
    assert depths(["stem", "s1", "s2", "s3", "head"]) == {"stem": 25, "s1": 50, "s2": 75, "s3": 100, "head": 100}


def test_networks_share_the_layers_that_all_of_them_have_with_their_depths() -> None:
    small, large = ["stem", "blocks.0", "blocks.1", "blocks.2", "head"], [f"blocks.{n}" for n in range(6)] + ["head"]
    assert shared_layers([small, large]) == [
        SharedLayer("blocks.0", 16, 33),
        SharedLayer("blocks.1", 33, 66),
        SharedLayer("blocks.2", 50, 100),
        SharedLayer("head", 100, 100),
    ]
    assert shared_layers([small, ["conv1", "fc"]]) == []
    assert shared_layers([]) == []


def test_networks_with_weights_share_their_architectures_layers() -> None:
    expected = layers_of(get_card("random/resnet50"))
    assert layers_of(get_card("timm/resnet50.a1_in1k")) == expected
    assert expected[4:7] == ("layer1.0", "layer1.1", "layer1.2")
    assert layers_of(get_card("lite/efficientnet_lite0")) == layers_of(get_card("random/tf_efficientnet_lite0")) != ()


def test_a_network_of_ones_own_without_arguments_has_its_architectures_layers(
    home: Path, write_network: WriteNetwork
) -> None:
    write_network(home / "networks" / "local" / "mine")
    assert layers_of(get_card("local/mine")) == layers_of(get_card("random/test_resnet")) != ()


def test_layers_of_a_network_built_with_arguments_are_known_once_it_was_loaded(
    home: Path, write_network: WriteNetwork
) -> None:
    write_network(home / "networks" / "local" / "mine", model_args={"drop_rate": 0.1})
    card = get_card("local/mine")
    assert layers_of(card) == ()
    network = load(card)
    assert list(layers_of(card)) == network.layers()


def test_layers_that_changed_are_noted_anew_and_a_damaged_note_counts_as_none(
    home: Path, write_network: WriteNetwork
) -> None:
    write_network(home / "networks" / "local" / "mine", model_args={"drop_rate": 0.1})
    card = get_card("local/mine")
    for names in (("stem", "head"), ("stem", "blocks.0", "head")):
        keep_layers(card, names)
        assert layers_of(card) == names
    (note,) = (home / "networks" / "layers").iterdir()
    for damaged in (b"{", json.dumps({"a": 1}).encode()):
        note.write_bytes(damaged)
        assert layers_of(card) == ()


def test_a_home_that_cannot_be_written_stops_no_network(home: Path, write_network: WriteNetwork) -> None:
    write_network(home / "networks" / "local" / "mine", model_args={"drop_rate": 0.1})
    (home / "networks" / "layers").write_text("a file in the folder's place")
    assert load(get_card("local/mine")).layers()
    assert layers_of(get_card("local/mine")) == ()


def test_several_norms_or_heads_are_no_blocks() -> None:
    blocks = blocks_among(layers_of(get_card("random/efficientvim_m1")))
    assert blocks[-1] == "stages.2.blocks.1"
    assert not any(name.startswith(("norm", "head")) for name in blocks)
