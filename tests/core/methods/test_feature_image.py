from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from core.errors import BadParameter
from core.items import Image, Result, Table
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.conftest import PIXELS, turn

STILL = {"jitter": 0.0, "scale": 0.0, "rotate": 0.0}
FIRST_LAYER = {"layer_by": "layer", "layer": "0"}


def run(network: Network, picture: Picture, seed: int = 0, **parameters: Any) -> Result:
    return make_method("feature_image", parameters).run([picture], network, Context(seed))


def images(result: Result) -> torch.Tensor:
    item = result.items["images"]
    assert isinstance(item, Image)
    return torch.tensor(item.pixels).movedim(2, 0) / 255


def units(result: Result) -> list[str]:
    table = result.items["units"]
    assert isinstance(table, Table)
    return [row[0] for row in table.rows]


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_for_a_linear_channel_it_is_the_corner_of_the_color_cube_along_its_weights(
    turning: Network, picture: Picture, channel: int
) -> None:
    parameters = {"first_unit": channel, "count": 1, "parameterization": "pixels", "steps": 80, **FIRST_LAYER, **STILL}
    colors = images(run(turning, picture, **parameters)).flatten(1).mean(dim=1)
    expected = (turn()[channel] > 0).float()
    torch.testing.assert_close(colors, expected, atol=0.01, rtol=0)


def test_a_neuron_changes_only_its_own_place(turning: Network, picture: Picture) -> None:
    parameters = {
        "unit": "neuron",
        "first_unit": 0,
        "count": 1,
        "parameterization": "pixels",
        "steps": 80,
        **FIRST_LAYER,
        **STILL,
    }
    changed = (images(run(turning, picture, **parameters)) - 0.5).abs().amax(dim=0) > 0.05
    middle = int(0.5 * (PIXELS - 1) + 0.5)
    assert changed.nonzero().tolist() == [[middle, middle]]


def test_a_direction_is_the_photos_own(turning: Network, picture: Picture) -> None:
    parameters = {"unit": "direction", "seeds": 1, "parameterization": "pixels", "steps": 80, **FIRST_LAYER, **STILL}
    colors = images(run(turning, picture, **parameters)).flatten(1).mean(dim=1)
    torch.testing.assert_close(colors, torch.ones(3), atol=0.01, rtol=0)  # a photo's mean color has no negative part


def test_a_caricature_amplifies_the_activations_of_the_photo(turning: Network, picture: Picture) -> None:
    result = run(
        turning, picture, unit="caricature", parameterization="pixels", start="photo", steps=40, **FIRST_LAYER, **STILL
    )
    assert result.metrics["activation_after"] > 1.2 * result.metrics["activation_before"]


def test_units_and_seeds_are_one_batch(turning: Network, picture: Picture) -> None:
    result = run(turning, picture, first_unit=1, count=2, seeds=3, steps=3, **FIRST_LAYER)
    assert units(result) == ["channel 1"] * 3 + ["channel 2"] * 3
    assert images(result).shape == (3, 2 * PIXELS + 2, 3 * PIXELS + 4)  # one row per unit


def test_missing_units_and_layers_are_refused_in_a_sentence(turning: Network, picture: Picture) -> None:
    with pytest.raises(BadParameter, match="first_unit \\+ count must be at most 3, the number of units, got 5"):
        run(turning, picture, first_unit=1, count=4, **FIRST_LAYER)
    with pytest.raises(BadParameter, match="a layer of local/turning must be one of"):
        run(turning, picture, layer_by="layer", layer="9")
    with pytest.raises(BadParameter, match="layer must be named"):
        make_method("feature_image", {"layer_by": "layer"})


def test_logits_have_the_names_of_their_classes(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, unit="logit", first_unit=1, count=2, steps=3)
    assert units(result) == ["dog", "bird"]


@pytest.fixture(scope="module")
def lite() -> Network:
    return load(get_card("lite/efficientnet_lite0"))


def test_the_default_units_are_those_that_the_photo_excites(lite: Network) -> None:
    cat, coffee = (units(run(lite, sample(name), depth=75, steps=1, count=3)) for name in ("cat", "coffee"))
    assert not set(cat) & set(coffee)


@pytest.mark.parametrize(("parameterization", "steps"), [("fourier", 15), ("phases", 40), ("pixels", 25)])
def test_deep_units_are_excited_far_more_than_by_the_photo(lite: Network, parameterization: str, steps: int) -> None:
    result = run(lite, sample("cat"), depth=75, first_unit=0, count=1, steps=steps, parameterization=parameterization)
    assert result.metrics["activation_after"] > 1.5 * abs(result.metrics["activation_before"])


def test_a_dead_unit_gets_a_gradient(turning: Network, picture: Picture) -> None:
    """Its ReLU is off at every place of a gray image; the redirected gradient turns it on."""
    layer = nn.Conv2d(3, 1, 1)
    layer.weight.data.fill_(1.0)
    layer.bias.data.fill_(-1.6)  # type: ignore[union-attr]  # gray gives 1.5; some places of a photo give more
    dead = Network(turning.card, nn.Sequential(layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "0" * 64)
    result = run(dead, picture, layer_by="layer", layer="1", first_unit=0, count=1, parameterization="pixels", steps=60)
    assert result.metrics["activation_after"] == pytest.approx(1.4, abs=0.01)  # a white image
