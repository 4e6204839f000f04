"""On networks that can only have looked at one place: see `tests.planted.networks`."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.engine.attribution.unravelling.points import TracingConfig
from core.engine.attribution.unravelling.walk import TRACING_CONFIGS, classes, unravel
from tests.planted.networks import NAMES, SIDE, accuracy, load, planted

PICTURES = 60
SINGLE = TracingConfig(weighted=True)
BEAM = replace(TRACING_CONFIGS["beam"], cap=256)
EXPECTED = {"vit": (SINGLE, 0.75), "vit_mean": (BEAM, 0.45), "mixer": (SINGLE, 0.33), "resnet": (SINGLE, 0.65)}


def share_inside(name: str, config: TracingConfig) -> float:
    """Mean share of a picture's weight that lies on the class's pattern, a sixteenth of the picture."""
    pictures, predicted, inside = planted(PICTURES, torch.Generator().manual_seed(7))
    points = unravel(load(name), pictures, classes(predicted.tolist()), config).pixels.points
    hit = inside.flatten(1).numpy()[points.picture, points.index % (SIDE * SIDE)]
    shares = [
        (points.weight * hit)[points.picture == row].sum() / points.weight[points.picture == row].sum()
        for row in range(PICTURES)
    ]
    return float(sum(shares) / PICTURES)


@pytest.mark.parametrize("name", NAMES)
def test_planted_networks_are_accurate(name: str) -> None:
    assert accuracy(load(name)) > 0.97


@pytest.mark.parametrize("name", NAMES)
def test_fixations_lie_on_the_planted_pattern(name: str) -> None:
    config, min_share = EXPECTED[name]
    assert share_inside(name, config) >= min_share


def test_without_signs_the_mixer_s_fixations_miss_the_pattern() -> None:
    assert share_inside("mixer", replace(SINGLE, signed=False)) < 0.7 * share_inside("mixer", SINGLE)
