from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import BadParameter
from core.items import Image, Map, Result
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

FREE = {"layer_by": "layer", "layer": "0", "total_variation": 0.0, "alpha_norm": 0.0}


def run(network: Network, picture: Picture, **parameters: Any) -> Result:
    return make_method("inversion", parameters).run([picture], network, Context())


@pytest.mark.parametrize(("parameterization", "learning_rate"), [("pixels", 0.02), ("fourier", 0.1)])
@pytest.mark.parametrize("start", ["blank", "noise"])
def test_for_an_invertible_layer_it_is_the_photo(
    turning: Network, picture: Picture, parameterization: str, learning_rate: float, start: str
) -> None:
    result = run(
        turning, picture, parameterization=parameterization, learning_rate=learning_rate, start=start, steps=400, **FREE
    )
    assert result.metrics["distance"] < 1e-3
    assert result.metrics["picture_error"] < 0.015


def test_a_layer_with_the_mean_color_alone_gives_the_mean_color(turning: Network, picture: Picture) -> None:
    result = run(turning, picture, parameterization="pixels", learning_rate=0.02, steps=300, **(FREE | {"layer": "1"}))
    item = result.items["inverted"]
    assert isinstance(item, Image)
    colors = torch.tensor(item.pixels).float().flatten(0, 1) / 255
    expected = turning.prepare(picture).flatten(1).mean(dim=1)
    torch.testing.assert_close(colors.mean(dim=0), expected, atol=0.005, rtol=0)
    assert colors.std(dim=0).max() < 0.005


def test_the_difference_is_that_of_the_two_images(turning: Network, picture: Picture) -> None:
    result = run(turning, picture, steps=5, **FREE)
    original, inverted, difference = (result.items[name] for name in ("original", "inverted", "difference"))
    assert isinstance(original, Image)
    assert isinstance(inverted, Image)
    assert isinstance(difference, Map)
    apart = abs(original.pixels.astype(float) - inverted.pixels.astype(float)).mean(axis=2) / 255
    assert difference.values == pytest.approx(apart, abs=0.005)


def test_more_total_variation_weight_gives_a_smoother_image(turning: Network, picture: Picture) -> None:
    curves = [
        run(turning, picture, steps=80, parameterization="pixels", **(FREE | {"total_variation": weight})).items[
            "trace_total_variation"
        ]
        for weight in (0.0, 1.0)
    ]
    assert curves[1].y[-1] < 0.5 * curves[0].y[-1]  # type: ignore[attr-defined]


def test_early_layers_preserve_more_of_the_photo_than_late_ones() -> None:
    network = load(get_card("lite/efficientnet_lite0"))
    early, late = (run(network, sample("cat"), depth=depth, steps=15).metrics for depth in (5, 100))
    assert early["picture_error"] < late["picture_error"]


def test_a_layer_by_name_needs_a_name() -> None:
    with pytest.raises(BadParameter, match="layer must be named where layer_by is 'layer', got none"):
        make_method("inversion", {"layer_by": "layer"})
