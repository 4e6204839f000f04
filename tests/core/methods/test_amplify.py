from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.errors import BadParameter
from core.items import Image, Result, Series
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


def change(result: Result, magnify: float) -> torch.Tensor:
    """The change (3, H, W), from the amplified image."""
    item = result.items["change"]
    assert isinstance(item, Image)
    return (torch.tensor(item.pixels).movedim(2, 0) / 255 - 0.5) / magnify


def test_the_first_step_is_along_the_gradient(linear: Network, picture: Picture) -> None:
    result = run(linear, picture, class_name="dog", steps=1, learning_rate=0.01, magnify=12)
    probabilities = linear(linear.prepare(picture)[None])[0].softmax(dim=0)
    gradient = rows()[1] - probabilities @ rows()  # of log p
    first_step = change(result, 12).flatten()
    assert torch.nn.functional.cosine_similarity(first_step, gradient, dim=0) > 0.999
    assert result.metrics["change_size"] == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("limit", [{"limit": "box", "epsilon": 0.02}, {"limit": "penalty", "penalty": 100.0}])
def test_the_probability_rises_within_the_limit(linear: Network, picture: Picture, limit: dict[str, Any]) -> None:
    result = run(linear, picture, class_name="bird", learning_rate=0.01, steps=50, goal=1.0, **limit)
    assert result.metrics["probability_after"] > result.metrics["probability_before"]
    if limit["limit"] == "box":
        assert change(result, 20).abs().max() <= 0.02 + 1 / 255 / 20


def test_a_higher_penalty_gives_a_smaller_change(linear: Network, picture: Picture) -> None:
    sizes = [
        run(linear, picture, class_name="dog", penalty=penalty, learning_rate=0.01, goal=1.0).metrics["change_size"]
        for penalty in (10.0, 100.0, 1000.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_penalized_optimum_is_where_the_gradients_cancel(linear: Network, picture: Picture) -> None:
    """There d = (w_c - sum p w) count / (2 penalty), p at the changed picture."""
    result = run(
        linear, picture, class_name="dog", penalty=2000.0, learning_rate=0.001, steps=300, goal=1.0, magnify=20
    )
    changed = linear.prepare(picture) + change(result, 20)
    probabilities = linear(changed[None])[0].softmax(dim=0)
    expected = (rows()[1] - probabilities @ rows()) * 432 / (2 * 2000)
    torch.testing.assert_close(change(result, 20).flatten(), expected, atol=3e-4, rtol=0.05)


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
