"""Fixations of pictures and their targets; `tests/core/engine/attribution/unravelling` tests the rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core import engine
from core.errors import BadParameter, Undefined
from core.items import Image, Map, Points, Scalar
from core.media.samples import sample
from core.method_base.method import Context
from tests.core.methods.attributions import FAMILIES, Broken, hooks, loaded, made, noise, photos, rectified, small

MODES = ("paper", "light", "beam")


def run(name: str, **parameters: object):
    return made("fixation", **parameters).run([sample("cat")], loaded(name), Context()).items


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family_has_fixations(name: str, mode: str) -> None:
    items = run(name, mode=mode, max_points=64)
    points, heat = items["fixations"], items["attribution"]
    assert isinstance(points, Points)
    assert isinstance(heat, Map)
    assert 0 < len(points.xy) == items["count"].value
    assert points.xy.min() > 0
    assert (points.xy < (points.width, points.height)).all()
    assert (np.diff(points.weights) <= 0).all()
    assert heat.values.shape == (points.height, points.width)
    assert heat.values.mean() <= 1 + 1e-4  # the Gaussian loses weight beyond the border
    assert heat.values.mean() > 0.5
    assert isinstance(items["unravelling"], Image)
    assert isinstance(items["box"], Image)


def test_kept_isolated_and_lost_weight_sum_to_one_without_a_cap() -> None:
    items = run(FAMILIES["vit"], mode="light", max_points=16_384)
    kept = items["fixations"].weights.sum()
    assert kept / (1 - items["isolated"].value) + items["lost"].value == pytest.approx(1, abs=1e-4)


def test_a_neuron_has_fixations_in_its_receptive_field_and_a_channel_at_all_places() -> None:
    network = small(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(5 * 64, 3))
    pictures = noise(2)
    parameters = {
        "target": "neuron",
        "layer_by": "layer",
        "layer": "2",
        "channel": 3,
        "y": 2 / 7,
        "x": 5 / 7,
        "mode": "paper",
    }
    unravelled, score = made("fixation", **parameters).fixations(network, pictures)
    assert score.target.names[0].startswith("channel 3 of 2")
    points = unravelled.pixels.points
    y, x = np.divmod(points.index % 144, 12)
    assert set(points.picture.tolist()) == {0, 1}
    assert (
        abs(y - 4) <= 2
    ).all()  # two convolutions of 3 x 3 around row 2, column 5 of what has lost two pixels a side
    assert (abs(x - 7) <= 2).all()
    whole, _ = made("fixation", **parameters | {"target": "channel", "mode": "light"}).fixations(network, pictures)
    assert len(whole.pixels.points) > len(points)
    assert whole.pixels.points.weight[whole.pixels.points.picture == 0].sum() == pytest.approx(1)


def test_with_a_contrast_class_shared_evidence_cancels() -> None:
    network = small(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3, bias=False))
    dog, bird = network.class_index("dog"), network.class_index("bird")
    weights = torch.zeros(3, 3)
    weights[dog, 0] = weights[bird, 1] = 1
    weights[[dog, bird], 2] = 2  # blue supports both
    network.model[2].weight.data = weights
    colors = []
    for contrast in ("", "bird"):
        unravelled, _ = made("fixation", class_name="dog", contrast_class=contrast, mode="light").fixations(
            network, noise()
        )
        colors.append(set((unravelled.pixels.points.index // 144).tolist()))
    assert colors == [{0, 2}, {0}]


def test_two_negative_weights_are_positive_evidence() -> None:
    network = small(nn.Conv2d(3, 1, 1, bias=False), nn.Flatten(), nn.Linear(144, 3, bias=False))
    network.model[0].weight.data = torch.tensor([-1.0, 0, 0]).view(1, 3, 1, 1)
    network.model[2].weight.data = -torch.ones(3, 144)
    unravelled, _ = made("fixation", mode="paper").fixations(network, noise())
    assert len(unravelled.pixels.points) == 144  # each red pixel supports the class
    assert (unravelled.pixels.points.sign == 1).all()


def test_hooks_are_removed_after_an_error_and_untraceable_operations_are_named() -> None:
    network = rectified()
    with pytest.raises(RuntimeError):
        made("fixation").run([sample("cat")], network, Broken())
    assert hooks(network) == 0

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(3 * 12, 3, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.cells(x.flatten(2).transpose(1, 2).reshape(len(x), 12, 36))[0][:, -1]

    with pytest.raises(Undefined, match="traced through"):
        made("fixation").fixations(small(Recurrent()), noise())


def test_a_channel_out_of_range_is_refused() -> None:
    with pytest.raises(BadParameter, match="channel"):
        made("fixation", target="channel", channel=5000).fixations(
            loaded(FAMILIES["cnn"]), photos(loaded(FAMILIES["cnn"]))
        )


def test_isolated_fixations_are_left_out() -> None:
    crowd = np.stack([np.full(30, 20.0), np.linspace(10, 15, 30)], 1).astype(np.float32)
    xy = np.concatenate([crowd, [[90.0, 90.0]]]).astype(np.float32)
    kept = engine.attribution.fixations.supported(xy, np.ones(31, np.float32), 100, 100)
    assert kept.tolist() == [True] * 30 + [False]
    heavy = np.ones(31, np.float32)
    heavy[-1] = 10  # a quarter of all the weight is no outlier
    assert engine.attribution.fixations.supported(xy, heavy, 100, 100).all()
    assert engine.attribution.fixations.box(crowd) == (20, 10, 20, 15)
    assert engine.attribution.fixations.box(crowd[:0]) is None


def test_density_does_not_depend_on_the_picture_size_and_has_mean_one() -> None:
    small_heat = engine.attribution.fixations.heat(np.array([[25.5, 25.5]], np.float32), np.ones(1, np.float32), 50, 50)
    large_heat = engine.attribution.fixations.heat(np.array([[51, 51]], np.float32), np.ones(1, np.float32), 100, 100)
    assert small_heat.mean() == pytest.approx(1, abs=1e-3)
    assert large_heat[1::2, 1::2] == pytest.approx(small_heat, rel=0.05, abs=0.05)
    assert np.unravel_index(small_heat.argmax(), (50, 50)) == (25, 25)


def test_the_heaviest_places_have_a_share_of_the_weight() -> None:
    weights = np.array([[4.0, 0.0], [3.0, 3.0]])
    assert engine.attribution.fixations.heaviest(weights, 0.4).tolist() == [[True, False], [False, False]]
    assert engine.attribution.fixations.heaviest(weights, 0.5).tolist() == [[True, False], [True, False]]
    assert engine.attribution.fixations.heaviest(weights, 1).tolist() == [[True, False], [True, True]]
    assert not engine.attribution.fixations.heaviest(np.zeros((2, 2)), 0.5).any()


def test_score_and_probability_are_those_of_the_picture() -> None:
    items = run(FAMILIES["cnn"], mode="light")
    assert isinstance(items["score"], Scalar)
    assert 0 < items["probability"].value < 1
