from __future__ import annotations

import torch
from torch import nn

from core.items import Image, Table
from core.media.picture import Picture
from core.method_base.method import Context
from core.methods import make_method
from core.methods.patch_shuffle import GRIDS
from core.networks.network import Network
from tests.core.methods.conftest import PIXELS


def test_a_network_that_uses_the_mean_color_alone_retains_every_prediction(turning: Network, picture: Picture) -> None:
    metrics = make_method("patch_shuffle", {}).run([picture], turning, Context()).metrics
    assert [metrics[f"retained_{side}"] for side in GRIDS] == [1, 1, 1]


def test_a_network_that_uses_position_loses_its_prediction(linear: Network, picture: Picture) -> None:
    """Its first class is a bright corner, its second everything else."""
    weights = torch.full((3, 3, PIXELS, PIXELS), -1.0)
    weights[0, :, :6, :6] = 3.0
    weights[1], weights[2] = 0.0, -2.0
    place = Network(linear.card, nn.Sequential(nn.Flatten(), nn.Linear(3 * PIXELS**2, 3, bias=False)), "0" * 64)
    place.model[1].weight.data = weights.flatten(1)
    pixels = picture.pixels.copy()
    pixels[:] = 0
    pixels[:6, :6] = 255
    result = make_method("patch_shuffle", {"permutations": 64}).run([Picture.from_pixels(pixels)], place, Context())
    assert 0.1 < result.metrics["retained_2"] < 0.4  # the corner stays in one of four orders


def test_every_order_has_a_row_and_each_size_an_image(linear: Network, picture: Picture) -> None:
    result = make_method("patch_shuffle", {"permutations": 5}).run([picture], linear, Context())
    table, sheet = result.items["predictions"], result.items["shuffled"]
    assert isinstance(table, Table)
    assert isinstance(sheet, Image)
    assert [row[:2] for row in table.rows] == [(1, 1), *((side, order) for side in GRIDS for order in range(1, 6))]
    assert sheet.pixels.shape == (PIXELS, 3 * PIXELS + 4, 3)
    first = table.rows[0][2]
    for side in GRIDS:
        retained = [row[2] == first for row in table.rows if row[0] == side]
        assert result.metrics[f"retained_{side}"] == sum(retained) / 5


def test_a_network_whose_logits_are_equal_retains_its_prediction_by_chance(linear: Network, picture: Picture) -> None:
    """Not always, though its first class is always the first of the highest."""
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.zero_()
    metrics = make_method("patch_shuffle", {}).run([picture], linear, Context()).metrics
    classes = len(linear.card.class_names)
    assert [metrics[f"retained_{side}"] for side in GRIDS] == [1 / classes] * len(GRIDS)
