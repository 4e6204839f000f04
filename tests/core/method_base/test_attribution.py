from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from core.errors import BadParameter, Undefined
from core.media.samples import sample
from core.method_base.attribution import ORIGINAL, SCORE, Attribution
from core.method_base.method import Output, validated
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

NETWORKS = {"cnn": "random/test_resnet", "vit": "random/test_vit", "mixer": "random/mixer_s32_224"}
UNIT = {"target": "channel", "layer_by": "layer"}


class Asking(Attribution):
    title: ClassVar[str] = "Asking"
    summary: ClassVar[str] = "Nothing but the number."
    source: ClassVar[str] = "a test"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (ORIGINAL, *SCORE)


@pytest.fixture(scope="module", params=NETWORKS.values(), ids=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return load(get_card(request.param))


@pytest.fixture(scope="module")
def resnet() -> Network:
    return load(get_card("random/test_resnet"))


def asking(**parameters: Any) -> Asking:
    method = validated(Asking, parameters)
    assert isinstance(method, Asking)
    return method


def photos(network: Network, count: int = 2) -> Tensor:
    return network.prepare_all([sample(name) for name in ("cat", "coffee", "rocket")[:count]])


def output_of(network: Network, layer: str, pictures: Tensor) -> Tensor:
    found: list[Tensor] = []
    hook = network.layer(layer).register_forward_hook(lambda _, __, output: found.append(output))
    network(pictures)
    hook.remove()
    return found[0]


def test_left_empty_it_is_what_the_network_itself_says_of_each_picture(network: Network) -> None:
    pictures = photos(network)
    answer = asking().answer(network, pictures)
    logits = network(pictures)
    torch.testing.assert_close(answer.value, logits.amax(dim=1))
    assert answer.probability is not None
    torch.testing.assert_close(answer.probability, logits.softmax(dim=1).amax(dim=1))
    assert answer.explained.labels == tuple(network.card.class_names[int(one.argmax())] for one in logits)


def test_a_class_against_another_is_the_difference_of_their_logits(resnet: Network) -> None:
    pictures, names = photos(resnet), resnet.card.class_names
    answer = asking(class_name=names[7], contrast_class=names[9]).answer(resnet, pictures)
    logits = resnet(pictures)
    torch.testing.assert_close(answer.value, logits[:, 7] - logits[:, 9])
    assert answer.explained.labels == (f"{names[7]} against {names[9]}",) * 2


def test_a_channel_is_its_mean_over_all_places_the_class_token_left_out(network: Network) -> None:
    layer = network.layers()[-3]
    pictures = photos(network)
    answer = asking(layer=layer, channel=5, **UNIT).answer(network, pictures)
    output = output_of(network, layer, pictures)
    places = (
        output[:, 5].flatten(1) if output.ndim == 4 else output[:, getattr(network.model, "num_prefix_tokens", 0) :, 5]
    )
    torch.testing.assert_close(answer.value, places.mean(dim=1))
    assert answer.explained.labels == (f"channel 5 of {layer}",) * 2
    assert answer.probability is None


@pytest.mark.parametrize(("y", "x", "row", "column"), [(0, 0, 0, 0), (1, 0, -1, 0), (0.0, 1.0, 0, -1)])
def test_a_neuron_is_a_channel_at_a_place(resnet: Network, y: float, x: float, row: int, column: int) -> None:
    layer, pictures = resnet.layers()[2], photos(resnet)
    asked = asking(**(UNIT | {"target": "neuron"}), layer=layer, channel=3, y=y, x=x)
    answer = asked.answer(resnet, pictures)
    torch.testing.assert_close(answer.value, output_of(resnet, layer, pictures)[:, 3, row, column])


def test_a_neuron_of_tokens_is_a_token_of_the_grid() -> None:
    network = load(get_card("random/test_vit"))
    pictures = photos(network, 1)
    answer = asking(target="neuron", layer_by="layer", layer="blocks.1", channel=3, y=0, x=1).answer(network, pictures)
    tokens = output_of(network, "blocks.1", pictures)[:, 1:]
    side = int(tokens.shape[1] ** 0.5)
    torch.testing.assert_close(answer.value, tokens[:, side - 1, 3])


def test_left_empty_the_channel_is_each_picture_s_own(resnet: Network) -> None:
    pictures = photos(resnet, 3)
    together = asking(target="channel").answer(resnet, pictures)
    apart = [asking(target="channel").answer(resnet, pictures[row : row + 1]) for row in range(3)]
    assert together.explained.index.tolist() == [int(one.explained.index) for one in apart]
    torch.testing.assert_close(together.value, torch.cat([one.value for one in apart]))


def test_the_number_of_other_pictures_is_the_same_class_s(resnet: Network) -> None:
    pictures = photos(resnet)
    answer = asking().answer(resnet, pictures)
    twice = answer.explained.repeated(2)
    darker = pictures.repeat_interleave(2, dim=0) * 0.5
    expected = resnet(darker).gather(1, answer.explained.index.repeat_interleave(2)[:, None])[:, 0]
    torch.testing.assert_close(twice.value(resnet, darker), expected)
    assert twice.labels[0] == twice.labels[1] == answer.explained.labels[0]


def test_the_number_can_be_differentiated_to_the_pixels(network: Network) -> None:
    pictures = photos(network, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(asking().answer(network, pictures).value.sum(), pictures)
    assert gradient.abs().sum() > 0


def test_what_cannot_be_asked_is_said_in_a_sentence(resnet: Network) -> None:
    names, card = resnet.card.class_names, resnet.card
    without = card.model_copy(update={"class_names": ()})
    assert asking(class_name="no such").undefined_for(card) == "This network has no class 'no such'."
    assert "are the same class" in str(asking(class_name=names[3], contrast_class="3").undefined_for(card))
    assert "only its channels and neurons" in str(asking().undefined_for(without))
    assert asking(target="channel").undefined_for(without) is None
    own = asking().answer(resnet, photos(resnet, 1)).explained.labels[0]
    with pytest.raises(Undefined, match="cannot be held against itself"):
        asking(contrast_class=own).answer(resnet, photos(resnet, 1))
    with pytest.raises(BadParameter, match=r"a channel of .* is a number from 0 to 31, got 5000"):
        asking(target="channel", depth=1, channel=5000).answer(resnet, photos(resnet, 1))
    with pytest.raises(BadParameter, match="layer must be named"):
        asking(target="channel", layer_by="layer")


def test_what_says_nothing_of_a_class_does_not_count_there() -> None:
    assert asking(depth=90, layer="x", channel=4, y=0.1) == asking()
    assert asking(target="channel", class_name="tabby", y=0.1, depth=90) == asking(target="channel", depth=90)
