from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest
import torch

from core.errors import BadParameter
from core.media.samples import sample_names
from core.method_base.layer_choice import LOGITS, LayerChoice, layer_values, sample_photos
from core.method_base.method import MethodFamily, Output, parameter
from core.method_base.parameters import validated
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.layout import layer_at
from core.networks.loading import load
from core.networks.network import Network


class Reader(LayerChoice):
    title: ClassVar[str] = "Reader"
    summary: ClassVar[str] = "Which layer? It is read."
    source: ClassVar[str] = "none"
    family: ClassVar[MethodFamily] = "inspection"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (Output("map", "map", "Map of the layer"),)

    what: Literal["layer", "logits"] = parameter("layer", "What is read.")

    @property
    def reads_layer(self) -> bool:
        return self.what == "layer"


def reader(**parameters: Any) -> Reader:
    method = validated(Reader, parameters)
    assert isinstance(method, Reader)
    return method


@pytest.fixture(scope="module")
def network() -> Network:
    return load(get_card("random/test_vit"))


def test_a_layer_is_selected_by_depth_or_by_name(network: Network) -> None:
    assert reader(depth=70).layer_name(network) == layer_at(network, 0.7)
    assert reader(layer_by="layer", layer="blocks.1", depth=1).layer_name(network) == "blocks.1"
    assert reader(what="logits").layer_name(network) == LOGITS
    assert list(Reader.model_fields) == ["layer_by", "depth", "layer", "what"]


def test_a_layer_must_have_a_name_that_the_network_knows(network: Network) -> None:
    with pytest.raises(BadParameter, match=r"^layer must be named where layer_by is 'layer', got none$"):
        reader(layer_by="layer")
    assert reader(layer_by="layer", what="logits").layer_name(network) == LOGITS
    with pytest.raises(BadParameter, match="a layer of random/test_vit must be one of"):
        reader(layer_by="layer", layer="nowhere").layer_name(network)


def test_values_of_a_layer_are_a_map_and_logits_a_map_of_one_place(network: Network) -> None:
    pictures = sample_photos(network)[:2].requires_grad_()
    tokens = layer_values(network, "blocks.1", pictures)
    assert tokens.ndim == 4
    assert tokens.shape[2] == tokens.shape[3] > 1
    logits = layer_values(network, LOGITS, pictures)
    torch.testing.assert_close(logits[:, :, 0, 0], network(pictures))
    (gradient,) = torch.autograd.grad(tokens.sum(), pictures)
    assert gradient.any()


def test_sample_photos_have_the_input_size_of_the_network(network: Network) -> None:
    assert sample_photos(network).shape == (len(sample_names()), 3, *network.card.input_px)


@pytest.mark.parametrize(
    ("method", "without"), [("deep_dream", {"objective": "class"}), ("feature_image", {"unit": "logit"})]
)
def test_a_layer_that_is_not_read_decides_nothing(method: str, without: dict[str, str]) -> None:
    assert make_method(method, without | {"depth": 20}) == make_method(method, without)
    assert make_method(method, {"depth": 20}) != make_method(method, {})
