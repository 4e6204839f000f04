from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.errors import BadParameter
from core.items import Image, Result, Scalar, Series, decode_own
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.conftest import rows


def run(network: Network, picture: Picture, **parameters: Any) -> Result:
    return make_method("amplify", parameters).run([picture], network, Context())


def pixels(result: Result, name: str) -> torch.Tensor:
    """The stored picture of this name, (3, H, W) in [0, 1]."""
    item = result.items[name]
    assert isinstance(item, Image)
    return torch.tensor(decode_own(item.files()["png"])).movedim(2, 0) / 255


def test_the_first_step_is_along_the_gradient(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, class_name="dog", steps=1, learning_rate=0.05, magnify=2)
    probabilities = linear(linear.prepare(picture)[None])[0].softmax(dim=0)
    gradient = rows()[1] - probabilities @ rows()  # of log p
    first_step = (pixels(result, "changed") - pixels(result, "original")).flatten()
    assert torch.nn.functional.cosine_similarity(first_step, gradient, dim=0) > 0.999
    assert result.metrics["change_size"] == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("limit", [{"limit": "box", "epsilon": 0.02}, {"limit": "penalty", "penalty": 100.0}])
def test_the_probability_rises_within_the_limit(linear: Network, picture: Picture, limit: dict[str, Any]) -> None:
    result = run(linear, picture, class_name="bird", learning_rate=0.01, steps=50, goal=1.0, **limit)
    assert result.metrics["probability_after"] > result.metrics["probability_before"]
    if limit["limit"] == "box":
        assert (pixels(result, "changed") - pixels(result, "original")).abs().max() <= 0.02 + 1e-6


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_no_stored_value_changes_by_more_than_the_limit(linear: Network, picture: Picture, levels: int) -> None:
    """Whole steps of 8 bits: 0.01 is two of them and a half."""
    epsilon = {1: 1 / 255, 2: 0.01, 3: 3 / 255}[levels]
    result = run(linear, picture, class_name="bird", limit="box", epsilon=epsilon, learning_rate=0.01, goal=1.0)
    moved = 255 * (pixels(result, "changed") - pixels(result, "original"))
    assert moved.abs().max().round() == levels
    probability = linear(pixels(result, "changed")[None])[0].softmax(dim=0)[2]
    assert result.metrics["probability_after"] == pytest.approx(float(probability), abs=1e-6)
    assert result.metrics["probability_after"] > result.metrics["probability_before"]


def test_a_limit_below_one_step_of_8_bits_is_refused() -> None:
    with pytest.raises(BadParameter, match=r"^epsilon: must be at least 1/255 = 0\.00392\.\.\., .* got 0\.0015$"):
        make_method("amplify", {"limit": "box", "epsilon": 0.0015})


def test_the_amplified_change_is_that_of_the_stored_pictures(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, class_name="bird", learning_rate=0.005, steps=10, magnify=3, goal=1.0)
    moved = pixels(result, "changed") - pixels(result, "original")
    torch.testing.assert_close(pixels(result, "change"), 0.5 + 3 * moved, atol=0.5 / 255 + 1e-6, rtol=0)
    assert result.metrics["change_size"] == pytest.approx(float(moved.square().mean().sqrt()), rel=1e-4)


def test_the_gain_of_no_change_is_no_number(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, class_name="bird", learning_rate=1e-9, steps=2)
    gain = result.items["gain"]
    assert isinstance(gain, Scalar)
    assert gain.value is None
    assert gain.reason == "nothing was changed"


def test_a_higher_penalty_gives_a_smaller_change(linear: Network, picture: Picture) -> None:
    sizes = [
        run(linear, picture, class_name="dog", penalty=penalty, learning_rate=0.01, goal=1.0).metrics["change_size"]
        for penalty in (10.0, 100.0, 1000.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_penalized_optimum_is_where_the_gradients_cancel(linear: Network, picture: Picture) -> None:
    """There d = (w_c - sum p w) count / (2 penalty), p at the changed picture."""
    result = run(linear, picture, class_name="dog", penalty=200.0, learning_rate=0.004, steps=300, goal=1.0)
    changed = pixels(result, "changed")
    probabilities = linear(changed[None])[0].softmax(dim=0)
    expected = (rows()[1] - probabilities @ rows()) * 432 / (2 * 200)
    change = (changed - pixels(result, "original")).flatten()
    torch.testing.assert_close(change, expected, atol=1 / 255, rtol=0)  # the optimum lies between two stored values
    assert torch.nn.functional.cosine_similarity(change, expected, dim=0) > 0.999


def test_it_stops_at_the_goal() -> None:
    network = load(get_card("lite/efficientnet_lite0"))
    result = run(network, sample("cat"), goal=0.9, frames=4)
    metrics = result.metrics
    assert metrics["probability_after"] >= 0.9 > metrics["probability_before"]
    assert metrics["steps"] < 100
    assert metrics["change_size"] < 0.005
    assert metrics["gain"] > 10
    trace = result.items["trace_probability"]
    assert isinstance(trace, Series)
    assert len(trace.y) == metrics["steps"] + 1
    assert trace.y[-1] == pytest.approx(metrics["probability_after"], abs=1e-4)
    assert np.isfinite(trace.y).all()


def test_a_missing_class_is_undefined(linear: Network) -> None:
    method = make_method("amplify", {"class_name": "horse"})
    assert method.undefined_for(linear.card) == "This network has no class 'horse'."
    without = linear.card.model_copy(update={"class_names": ()})
    assert "no classes" in str(make_method("amplify", {}).undefined_for(without))


def test_a_goal_is_a_probability() -> None:
    with pytest.raises(BadParameter, match="goal must be above 0 to 1"):
        make_method("amplify", {"goal": 1.5})
