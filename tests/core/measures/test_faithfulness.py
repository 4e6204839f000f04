from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.engine.attribution.baselines import baseline
from core.items import Floats
from core.measures.attributions import PIXEL_PERCENTS
from core.measures.faithfulness import faithfulness, top_pixels
from tests.core.measures.pointed import PIXELS, looks_at

PLACES = PIXELS**2
ONE = (slice(7, 8), slice(2, 3))


@pytest.fixture
def white_spot() -> Tensor:
    """Black, but for one pixel."""
    picture = torch.zeros(3, PIXELS, PIXELS)
    picture[:, 7, 2] = 1
    return picture


def only_there(value: float) -> Floats:
    values = np.ones((PIXELS, PIXELS), np.float32)
    values[7, 2] = value
    return values


def test_a_map_with_the_one_relevant_pixel_on_top_inserts_and_deletes_at_the_first_step(white_spot: Tensor) -> None:
    result = faithfulness(looks_at(*ONE), white_spot, only_there(2), target=0, steps=PLACES)
    assert result.insertion == pytest.approx(1 - 0.5 / PLACES, abs=1e-3)  # none at 0, all from the first pixel on
    assert result.deletion == pytest.approx(0.5 / PLACES, abs=1e-3)
    np.testing.assert_array_equal(result.retained_inserted, np.ones(len(PIXEL_PERCENTS)))
    np.testing.assert_array_equal(result.retained_deleted, np.zeros(len(PIXEL_PERCENTS)))


def test_a_map_that_puts_it_last_is_as_bad_as_can_be(white_spot: Tensor) -> None:
    result = faithfulness(looks_at(*ONE), white_spot, only_there(0.5), target=0, steps=PLACES)
    assert result.insertion == pytest.approx(0.5 / PLACES, abs=1e-3)
    assert result.deletion == pytest.approx(1 - 0.5 / PLACES, abs=1e-3)
    np.testing.assert_array_equal(result.retained_inserted, np.zeros(len(PIXEL_PERCENTS)))
    np.testing.assert_array_equal(result.retained_deleted, np.ones(len(PIXEL_PERCENTS)))


def test_all_pixels_inserted_is_the_picture_and_none_is_blurred(white_spot: Tensor) -> None:
    network = looks_at(slice(6, 9), slice(1, 4))
    result = faithfulness(network, white_spot, only_there(2), target=0, steps=4)
    whole, nothing = (
        network(torch.cat([white_spot[None], baseline(white_spot[None], "blurred")])).softmax(dim=1)[:, 0].tolist()
    )
    assert result.inserted[[0, -1]] == pytest.approx([nothing, whole])
    assert result.deleted[[0, -1]] == pytest.approx([whole, nothing])


def test_the_top_pixels_are_the_greatest_and_each_share_holds_the_smaller_ones() -> None:
    values = np.arange(PLACES, dtype=np.float32).reshape(PIXELS, PIXELS)
    few, half, all_ = top_pixels(values, (0.25, 0.5, 1))
    np.testing.assert_array_equal(few, values >= PLACES * 0.75)
    np.testing.assert_array_equal(half, values >= PLACES * 0.5)
    assert all_.all()


@pytest.mark.parametrize("level", [0.0, 3.0, -1.0])
def test_a_constant_map_favors_no_position(level: float) -> None:
    best = top_pixels(np.full((64, 64), level, np.float32), (0.25,))[0]
    quarters = [best[:32, :32], best[:32, 32:], best[32:, :32], best[32:, 32:]]
    assert [quarter.mean() for quarter in quarters] == pytest.approx([0.25] * 4, abs=0.04)
    assert [best[:, 0].mean(), best[0].mean()] == pytest.approx([0.25] * 2, abs=0.2)


def test_a_constant_map_scores_the_same_each_time_and_not_like_an_ordered_one(white_spot: Tensor) -> None:
    constant = np.ones((PIXELS, PIXELS), np.float32)
    first, second = (faithfulness(looks_at(*ONE), white_spot, constant, 0, PLACES) for _ in range(2))
    assert first.insertion == second.insertion
    assert 0.05 < first.insertion < 0.95


def test_negative_values_are_worth_as_little_as_zero() -> None:
    values = np.zeros((PIXELS, PIXELS), np.float32)
    values[:, : PIXELS // 2] = -np.arange(PIXELS, dtype=np.float32)[:, None] - 1
    best = top_pixels(values, (0.5,))[0]
    assert best[:, : PIXELS // 2].mean() == pytest.approx(0.5, abs=0.15)
