from __future__ import annotations

import pytest
import torch
from captum.attr import InputXGradient
from captum.attr import Saliency as CaptumSaliency

from core.items import Map
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.network import Network
from tests.core.methods.attributions import FAMILIES, loaded, made, photos
from tests.core.methods.conftest import PIXELS, rows


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_it_agrees_with_captum_in_every_family(name: str) -> None:
    network = loaded(name)
    pictures = photos(network)
    maps, score = made("saliency").maps(network, pictures)
    theirs = CaptumSaliency(network).attribute(pictures.clone().requires_grad_(), int(score.target.index))
    torch.testing.assert_close(maps, theirs.amax(dim=1), rtol=1e-5, atol=1e-5 * float(theirs.amax()))


def test_times_the_input_it_agrees_with_captum() -> None:
    network = loaded("random/test_resnet")
    pictures = photos(network)
    maps, score = made("saliency", form="gradient times input").maps(network, pictures)
    theirs = InputXGradient(network).attribute(pictures.clone().requires_grad_(), int(score.target.index))
    expected = theirs.detach().sum(dim=1)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().amax()))


def test_for_a_linear_network_it_is_the_weights(linear: Network, picture: Picture) -> None:
    weights = rows().view(3, 3, PIXELS, PIXELS)
    one, _ = made("saliency", class_name="dog").maps(linear, linear.prepare(picture)[None])
    torch.testing.assert_close(one[0], weights[1].abs().amax(dim=0))
    contrast, _ = made("saliency", class_name="dog", contrast_class="bird").maps(linear, linear.prepare(picture)[None])
    torch.testing.assert_close(contrast[0], (weights[1] - weights[2]).abs().amax(dim=0))


@pytest.mark.parametrize("target", ["class", "channel", "neuron"])
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_a_batch_equals_single_pictures(name: str, target: str) -> None:
    network = loaded(name)
    method, pictures = made("saliency", target=target), photos(network, 2)
    together, _ = method.maps(network, pictures)
    apart = torch.cat([method.maps(network, pictures[row : row + 1])[0] for row in range(2)])
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-5 * float(apart.amax()))
    assert together.amax() > 0


def test_an_early_neuron_depends_on_its_receptive_field_only() -> None:
    network = loaded("random/test_resnet")
    parameters = {"target": "neuron", "layer_by": "layer", "layer": "conv1", "channel": 3, "y": 0.0, "x": 1.0}
    maps, _ = made("saliency", **parameters).maps(network, photos(network))
    rows_, columns = maps[0].nonzero().unbind(dim=1)
    assert int(rows_.amax()) < 10
    assert int(columns.amin()) >= maps.shape[2] - 10


def test_the_map_is_not_normalized_has_the_input_size_and_names_its_target() -> None:
    network = loaded("random/test_resnet")
    result = made("saliency", class_name="tabby").run([sample("cat")], network, Context())
    item = result.items["attribution"]
    assert isinstance(item, Map)
    assert item.values.shape == network.card.input_px
    assert item.caption.endswith(": tabby")
    assert not item.signed
    torch.testing.assert_close(
        torch.tensor(item.values), made("saliency", class_name="tabby").maps(network, photos(network))[0][0]
    )
    signed = made("saliency", form="gradient times input").run([sample("cat")], network, Context())
    assert signed.items["attribution"].signed  # type: ignore[attr-defined]
