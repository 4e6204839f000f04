from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from core.errors import BadParameter, Undefined
from core.media.samples import sample
from core.method_base.attribution import ORIGINAL, SCORE, Attribution
from core.method_base.method import Output
from core.method_base.parameters import validated
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

NETWORKS = {"cnn": "random/test_resnet", "vit": "random/test_vit", "mixer": "random/mixer_s32_224"}
UNIT = {"target": "channel", "layer_by": "layer"}


class Score(Attribution):
    title: ClassVar[str] = "Score"
    summary: ClassVar[str] = "What is the score? Nothing else is computed."
    source: ClassVar[str] = "a test"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (ORIGINAL, *SCORE)


@pytest.fixture(scope="module", params=NETWORKS.values(), ids=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return load(get_card(request.param))


@pytest.fixture(scope="module")
def resnet() -> Network:
    return load(get_card("random/test_resnet"))


def made(**parameters: Any) -> Score:
    method = validated(Score, parameters)
    assert isinstance(method, Score)
    return method


def photos(network: Network, count: int = 2) -> Tensor:
    return network.prepare_all([sample(name) for name in ("cat", "coffee", "rocket")[:count]])


def output_of(network: Network, layer: str, pictures: Tensor) -> Tensor:
    outputs: list[Tensor] = []
    hook = network.layer(layer).register_forward_hook(lambda _, __, output: outputs.append(output))
    network(pictures)
    hook.remove()
    return outputs[0]


def test_the_default_target_is_the_predicted_class_of_each_picture(network: Network) -> None:
    pictures = photos(network)
    score = made().score(network, pictures)
    logits = network(pictures)
    torch.testing.assert_close(score.value, logits.amax(dim=1))
    assert score.probability is not None
    torch.testing.assert_close(score.probability, logits.softmax(dim=1).amax(dim=1))
    assert score.target.labels == tuple(network.card.class_names[int(one.argmax())] for one in logits)


def test_with_a_contrast_class_the_score_is_the_difference_of_the_logits(resnet: Network) -> None:
    pictures, names = photos(resnet), resnet.card.class_names
    score = made(class_name=names[7], contrast_class=names[9]).score(resnet, pictures)
    logits = resnet(pictures)
    torch.testing.assert_close(score.value, logits[:, 7] - logits[:, 9])
    assert score.target.labels == (f"{names[7]} vs. {names[9]}",) * 2


def test_the_score_of_a_channel_is_its_mean_over_all_places_without_the_class_token(network: Network) -> None:
    layer = network.layers()[-3]
    pictures = photos(network)
    score = made(layer=layer, channel=5, **UNIT).score(network, pictures)
    output = output_of(network, layer, pictures)
    places = (
        output[:, 5].flatten(1) if output.ndim == 4 else output[:, getattr(network.model, "num_prefix_tokens", 0) :, 5]
    )
    torch.testing.assert_close(score.value, places.mean(dim=1))
    assert score.target.labels == (f"channel 5 of {layer}",) * 2
    assert score.probability is None


@pytest.mark.parametrize(("y", "x", "row", "column"), [(0, 0, 0, 0), (1, 0, -1, 0), (0.0, 1.0, 0, -1)])
def test_the_score_of_a_neuron_is_its_channel_at_one_place(
    resnet: Network, y: float, x: float, row: int, column: int
) -> None:
    layer, pictures = resnet.layers()[2], photos(resnet)
    method = made(**(UNIT | {"target": "neuron"}), layer=layer, channel=3, y=y, x=x)
    score = method.score(resnet, pictures)
    torch.testing.assert_close(score.value, output_of(resnet, layer, pictures)[:, 3, row, column])


def test_a_neuron_of_a_vit_is_one_token_of_the_grid() -> None:
    network = load(get_card("random/test_vit"))
    pictures = photos(network, 1)
    score = made(target="neuron", layer_by="layer", layer="blocks.1", channel=3, y=0, x=1).score(network, pictures)
    tokens = output_of(network, "blocks.1", pictures)[:, 1:]
    side = int(tokens.shape[1] ** 0.5)
    torch.testing.assert_close(score.value, tokens[:, side - 1, 3])


def test_the_default_channel_depends_on_each_picture_alone(resnet: Network) -> None:
    pictures = photos(resnet, 3)
    together = made(target="channel").score(resnet, pictures)
    apart = [made(target="channel").score(resnet, pictures[row : row + 1]) for row in range(3)]
    assert together.target.index.tolist() == [int(one.target.index) for one in apart]
    torch.testing.assert_close(together.value, torch.cat([one.value for one in apart]))


def test_a_target_scores_other_pictures_for_the_same_class(resnet: Network) -> None:
    pictures = photos(resnet)
    score = made().score(resnet, pictures)
    twice = score.target.repeated(2)
    darker = pictures.repeat_interleave(2, dim=0) * 0.5
    expected = resnet(darker).gather(1, score.target.index.repeat_interleave(2)[:, None])[:, 0]
    torch.testing.assert_close(twice.score(resnet, darker), expected)
    assert twice.labels[0] == twice.labels[1] == score.target.labels[0]


def test_the_score_is_differentiable_with_respect_to_the_pixels(network: Network) -> None:
    pictures = photos(network, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(made().score(network, pictures).value.sum(), pictures)
    assert gradient.abs().sum() > 0


def test_an_impossible_target_is_refused_in_a_sentence(resnet: Network) -> None:
    names, card = resnet.card.class_names, resnet.card
    without = card.model_copy(update={"class_names": ()})
    assert made(class_name="no such").undefined_for(card) == "This network has no class 'no such'."
    assert "are the same class" in str(made(class_name=names[3], contrast_class="3").undefined_for(card))
    assert "only its channels and neurons" in str(made().undefined_for(without))
    assert made(target="channel").undefined_for(without) is None
    own = made().score(resnet, photos(resnet, 1)).target.labels[0]
    with pytest.raises(Undefined, match=f"The contrast class {own!r} is the predicted class"):
        made(contrast_class=own).score(resnet, photos(resnet, 1))
    with pytest.raises(BadParameter, match=r"channel must be 0 to 31 in layer .*, got 5000"):
        made(target="channel", depth=1, channel=5000).score(resnet, photos(resnet, 1))
    with pytest.raises(BadParameter, match="layer must be named"):
        made(target="channel", layer_by="layer")


def test_parameters_of_other_targets_have_no_effect() -> None:
    assert made(depth=90, layer="x", channel=4, y=0.1) == made()
    assert made(target="channel", class_name="tabby", y=0.1, depth=90) == made(target="channel", depth=90)
