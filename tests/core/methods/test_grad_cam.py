from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradCam

from core.errors import Undefined
from core.items import Map
from core.media.samples import sample
from core.method_base.method import Context
from tests.core.methods.attributions import FAMILIES, Broken, hooks, loaded, made, noise, photos, rectified

DEFAULT_LAYERS = {
    "random/test_resnet": "layer4.0",
    "random/test_convnext": "stages.3.blocks.1",
    "random/test_vit": "blocks.4",  # the class token of the sixth and last block is classified
    "random/mixer_s32_224": "norm",
    "random/test_coatnet": "norm",
    "lite/efficientnet_lite0": "bn2",
}


@pytest.mark.parametrize(("name", "layer"), DEFAULT_LAYERS.items())
def test_the_default_layer_is_the_last_one_with_places_and_a_gradient(name: str, layer: str) -> None:
    network = loaded(name)
    found, maps, _ = made("grad_cam").maps(network, photos(network))
    assert found == layer
    assert maps.shape[1] > 1
    assert maps.amax() > 0


def test_with_average_pooling_and_one_linear_layer_it_is_the_positive_part_of_cam() -> None:
    network, pictures = rectified(), noise(2)
    _, maps, _ = made("grad_cam", class_name="dog", contrast_class="bird").maps(network, pictures)
    _, expected, _ = made("cam", class_name="dog", contrast_class="bird").maps(network, pictures)
    assert (expected > 0).any()
    torch.testing.assert_close(maps * maps[0].numel(), expected.relu())  # the mean's gradient is 1 / places


@pytest.mark.parametrize("name", [FAMILIES["cnn"], FAMILIES["hybrid"]])
def test_it_agrees_with_captum(name: str) -> None:
    network = loaded(name)
    pictures = photos(network)
    layer, maps, score = made("grad_cam").maps(network, pictures)
    theirs = LayerGradCam(network, network.layer(layer)).attribute(
        pictures, int(score.target.index), relu_attributions=True
    )
    torch.testing.assert_close(maps, theirs.detach()[:, 0], rtol=1e-4, atol=1e-5 * float(maps.amax()))


def test_for_tokens_it_is_the_sum_over_the_grid_without_the_class_token() -> None:
    network = loaded("random/test_vit")
    pictures = photos(network)
    tokens: list[torch.Tensor] = []
    hook = network.layer("blocks.4").register_forward_hook(lambda _, __, output: tokens.append(output))
    value = network(pictures.clone().requires_grad_()).amax()
    hook.remove()
    (gradient,) = torch.autograd.grad(value, tokens[0])
    weights = gradient[0, 1:].mean(dim=0)
    side = int((tokens[0].shape[1] - 1) ** 0.5)
    expected = (tokens[0].detach()[0, 1:] @ weights).relu().view(side, side)
    torch.testing.assert_close(made("grad_cam").maps(network, pictures)[1][0], expected)


def test_the_layer_is_a_parameter_and_is_in_the_caption() -> None:
    network = loaded("random/test_resnet")
    for layer in ("layer4.0", "layer2.0"):
        result = made("grad_cam", cam_layer=layer, class_name="tabby").run([sample("cat")], network, Context())
        item = result.items["attribution"]
        assert isinstance(item, Map)
        assert item.values.shape == network.card.input_px
        assert item.caption == f"Grad-CAM in layer {layer}: tabby"
    assert result.metrics["rows"] == 20


def test_the_layer_lies_before_the_target() -> None:
    network = loaded("random/test_resnet")
    found, _, _ = made("grad_cam", target="channel", layer_by="layer", layer="layer3.0").maps(network, photos(network))
    assert found == "layer2.0"
    method = made("grad_cam", target="channel", layer_by="layer", layer="layer2.0", cam_layer="layer3.0")
    with pytest.raises(Undefined, match=r"Layer layer3\.0 .* has no map of places before the target"):
        method.maps(network, photos(network))
    with pytest.raises(Undefined, match=r"Layer fc .* has no map of places"):
        made("grad_cam", cam_layer="fc").maps(network, photos(network))


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_a_batch_equals_single_pictures(name: str) -> None:
    network = loaded(name)
    pictures = photos(network, 2)
    _, together, _ = made("grad_cam").maps(network, pictures)
    apart = torch.cat([made("grad_cam").maps(network, pictures[row : row + 1])[1] for row in range(2)])
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-5 * float(apart.amax()))


def test_hooks_are_removed_after_an_error() -> None:
    network = loaded("random/test_vit")
    with pytest.raises(RuntimeError, match="out of memory"):
        made("grad_cam").run([sample("cat")], network, Broken())
    assert hooks(network) == 0
