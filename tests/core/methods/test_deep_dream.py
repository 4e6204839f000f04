from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import BadParameter
from core.items import Animation, Image, Result
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.conftest import PIXELS, turn

FIRST_LAYER = {"layer_by": "layer", "layer": "0"}


def run(network: Network, picture: Picture, seed: int = 0, **parameters: Any) -> Result:
    return make_method("deep_dream", parameters).run([picture], network, Context(seed))


def change(result: Result) -> torch.Tensor:
    """Dream - photo, (3, H, W)."""
    dream, photo = (result.items[name] for name in ("dream", "original"))
    assert isinstance(dream, Image)
    assert isinstance(photo, Image)
    return (torch.tensor(dream.pixels).float() - torch.tensor(photo.pixels)).movedim(2, 0) / 255


@pytest.mark.parametrize("octaves", [1, 3])
def test_a_linear_channel_moves_every_pixel_along_its_weights(turning: Network, picture: Picture, octaves: int) -> None:
    parameters = {
        "objective": "channel",
        "channel": 1,
        "steps": 6,
        "learning_rate": 0.01,
        "octaves": octaves,
        **FIRST_LAYER,
    }
    moved = change(run(turning, picture, **parameters))
    expected = turn()[1] / turn()[1].square().mean().sqrt() * 0.06  # six steps of a root mean square of 0.01
    # resizing weights pixels by their position; on average, all have the same weight
    torch.testing.assert_close(moved.flatten(1).mean(dim=1), expected, atol=0.01, rtol=0.1)


def test_a_layer_amplifies_its_own_activations(turning: Network, picture: Picture) -> None:
    """The layer rotates colors, so that its mean square is theirs: the change is along the photo."""
    moved = change(run(turning, picture, octaves=1, output_scale=1.0, steps=4, smooth_gradient=False, **FIRST_LAYER))
    photo = turning.prepare(picture)
    cosine = torch.nn.functional.cosine_similarity(moved.flatten(), photo.flatten(), dim=0)
    assert cosine > 0.99


@pytest.mark.parametrize("size", [1.0, 2.0, 3.5])
def test_the_result_has_the_given_size(turning: Network, picture: Picture, size: float) -> None:
    result = run(turning, picture, output_scale=size, steps=3, frames=3, **FIRST_LAYER)
    side = round(PIXELS * size)
    assert change(result).shape == (3, side, side)
    animation = result.items["animation"]
    assert isinstance(animation, Animation)
    assert animation.frames.shape == (3, side, side, 3)


def test_a_class_is_raised_and_random_classes_depend_on_the_seed(linear: Network, picture: Picture) -> None:
    raised = run(linear, picture, objective="class", class_name="dog", output_scale=1.0, smooth_gradient=False)
    assert raised.metrics["activation_after"] > raised.metrics["activation_before"]
    first, again, other = (change(run(linear, picture, seed, objective="random class", steps=3)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_trained_layer_is_excited_more_than_by_the_photo() -> None:
    network = load(get_card("lite/efficientnet_lite0"))
    metrics = run(network, sample("cat"), output_scale=1.5, octaves=2, steps=10).metrics
    assert metrics["activation_after"] > 1.5 * metrics["activation_before"]


def test_missing_channels_layers_and_classes_are_refused_in_a_sentence(turning: Network, picture: Picture) -> None:
    with pytest.raises(BadParameter, match="channel must be 0 to 2 in this layer, got 3"):
        run(turning, picture, objective="channel", channel=3, **FIRST_LAYER)
    with pytest.raises(BadParameter, match="layer must be named"):
        make_method("deep_dream", {"layer_by": "layer"})
    reason = make_method("deep_dream", {"objective": "class", "class_name": "horse"}).undefined_for(turning.card)
    assert reason == "This network has no class 'horse'."
