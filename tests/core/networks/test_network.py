from __future__ import annotations

import pytest
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import nn

from core.errors import BadParameter
from core.media.picture import Picture
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

LITE = "lite/efficientnet_lite0"
FAMILIES = ["random/test_resnet", "random/test_vit", "random/gmlp_ti16_224", "random/test_maxvit"]


@pytest.fixture(scope="module")
def lite() -> Network:
    return load(get_card(LITE))


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("input_px", [(96, 96), (96, 64)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_preprocessing_in_the_graph_equals_timms_own(
    picture: Picture, crop_mode: str, input_px: tuple[int, int], interpolation: str
) -> None:
    card = get_card("random/test_resnet").model_copy(
        update={"crop_mode": crop_mode, "input_px": input_px, "interpolation": interpolation, "crop_share": 0.9}
    )
    network = Network(card, nn.Identity(), "")
    theirs = create_transform(
        input_px, interpolation=interpolation, mean=card.mean, std=card.std, crop_pct=0.9, crop_mode=crop_mode
    )
    prepared = network.prepare(picture)
    assert 0 <= prepared.min() < prepared.max() <= 1
    expected = theirs(Image.fromarray(picture.pixels))
    torch.testing.assert_close(network(prepared[None])[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [LITE, *FAMILIES])
def test_a_batch_equals_one_by_one(name: str) -> None:
    network = load(get_card(name))
    x = torch.rand(3, 3, *network.card.input_px)
    torch.testing.assert_close(network(x), torch.cat([network(one[None]) for one in x]), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", [LITE, *FAMILIES])
def test_layers_run_in_the_order_in_which_they_are_listed(name: str) -> None:
    network = load(get_card(name))
    ran: list[str] = []
    for layer in network.layers():
        network.layer(layer).register_forward_hook(lambda *_, layer=layer: ran.append(layer))
    network(torch.rand(1, 3, *network.card.input_px))
    assert ran == network.layers()
    assert len(ran) >= 6


def test_layers_of_a_residual_network_are_stem_blocks_and_head() -> None:
    layers = load(get_card("random/resnet18")).layers()
    assert layers[:2] == ["conv1", "bn1"]
    assert layers[4:12] == [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
    assert layers[-1] == "fc"


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(lite: Network) -> None:
    with pytest.raises(BadParameter, match=r"must be one of conv_stem, .*, got 'layer9'"):
        lite.layer("layer9")


@pytest.mark.parametrize("name", [LITE, *FAMILIES])
def test_the_network_is_frozen_in_evaluation_mode_and_works_out_of_place(name: str) -> None:
    network = load(get_card(name))
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(module.training for module in network.modules())
    assert not any(getattr(module, "inplace", False) for module in network.modules())
    assert network.memory_bytes >= 4 * network.card.parameters


def test_gradients_reach_the_picture_and_not_the_weights(lite: Network) -> None:
    x = torch.rand(1, 3, 224, 224, requires_grad=True)
    lite(x)[0, 0].backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in lite.parameters())


def test_a_class_goes_by_name_or_number(lite: Network) -> None:
    assert lite.class_index("golden retriever") == lite.class_index("207") == 207


@pytest.mark.parametrize("text", ["golden retriver", "1000", "-1", "", "2" * 5000, "²", "NaN"])
def test_a_class_that_is_not_there_is_refused(lite: Network, text: str) -> None:
    with pytest.raises(BadParameter, match="must be a name or a number from 0 to 999"):
        lite.class_index(text)


def test_a_misspelt_class_is_answered_with_the_close_one(lite: Network) -> None:
    with pytest.raises(BadParameter, match="similar names are golden retriever"):
        lite.class_index("golden retriver")
