from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from core.errors import Undefined
from core.media.samples import sample
from core.method_base.method import Context
from core.networks import architectures
from core.networks.network import Network
from tests.core.methods.attributions import loaded, made, noise, photos, rectified, small
from tests.core.methods.conftest import card

LINEAR = ("random/test_resnet", "random/mixer_s32_224", "random/test_coatnet", "lite/efficientnet_lite0")


@pytest.mark.parametrize("name", LINEAR)
def test_the_mean_over_all_places_is_the_logit_minus_its_bias(name: str) -> None:
    network = loaded(name)
    pooling, maps, score = made("cam").maps(network, photos(network, 2))
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    assert pooling == "average"
    expected = score.value - head.bias[score.target.index]
    torch.testing.assert_close(maps.mean(dim=(1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_with_a_contrast_class_it_is_the_difference_of_both_maps() -> None:
    network, pictures = rectified(), noise(2)
    maps = {
        name: made("cam", class_name=name, contrast_class=contrast).maps(network, pictures)[1]
        for name, contrast in (("cat", ""), ("dog", ""), ("bird", "dog"))
    }
    bird = made("cam", class_name="bird").maps(network, pictures)[1]
    torch.testing.assert_close(maps["bird"], bird - maps["dog"])


def test_for_the_concentrator_it_is_its_evidence() -> None:
    torch.manual_seed(0)
    model = timm.create_model(
        architectures.concentrator.__name__, num_classes=3, base_px=12, layers=[1] * 4, channels=[8, 8, 8, 12],
        output_stride=8,
    )  # fmt: skip
    network = Network(card("concentrating"), model, "0" * 64)
    pictures = noise(2)
    pooling, maps, _ = made("cam", class_name="dog").maps(network, pictures)
    evidence = model.evidence(model.forward_features((pictures - network.mean) / network.std))
    assert pooling == "soft maximum"
    torch.testing.assert_close(maps, evidence[:, 1] - model.evidence.bias[1])


@pytest.mark.parametrize("name", ["random/test_vit", "random/test_convnext"])
def test_without_pooling_and_one_linear_layer_it_is_undefined(name: str) -> None:
    with pytest.raises(Undefined, match="CAM needs a network that pools its last map"):
        made("cam").run([sample("cat")], loaded(name), Context())


def test_a_hidden_layer_in_the_classifier_makes_it_undefined() -> None:
    network = small(
        nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
    )
    with pytest.raises(Undefined, match="Grad-CAM is its generalization"):
        made("cam").maps(network, noise())


def test_a_network_without_classes_is_undefined() -> None:
    without = rectified().card.model_copy(update={"class_names": ()})
    assert "predicts no classes" in str(made("cam").undefined_for(without))
    assert made("cam", class_name="horse").undefined_for(rectified().card) == "This network has no class 'horse'."
