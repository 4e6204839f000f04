from __future__ import annotations

import pytest
import torch
from torch import nn

from core.learning.blocks import DOUBLINGS, DoublingKind, Halving, Nearest, Transposed, Unpooling, halvings
from core.learning.stored import parameter_count


def passing_on(block: nn.Module) -> nn.Module:
    """The block with a convolution that gives the first channel as it is."""
    with torch.no_grad():
        for part in block.parameters():
            part.zero_()
        block.convolution.weight[0, 0, 1, 1] = 1  # type: ignore[union-attr, index]
    return block


@pytest.mark.parametrize(
    ("side", "times"), [(8, 2), (12, 2), (16, 2), (20, 2), (28, 2), (32, 3), (40, 3), (64, 4), (96, 5), (128, 5)]
)
def test_sides_are_halved_down_to_four_or_what_is_odd(side: int, times: int) -> None:
    assert halvings(side) == times


def test_a_halving_gives_the_greatest_of_each_four_and_its_place() -> None:
    picture = torch.zeros(1, 1, 4, 4)
    picture[0, 0, 1, 0], picture[0, 0, 2, 3] = 5, 7
    pooled, positions = passing_on(Halving(1, 1))(picture)
    assert pooled[0, 0].tolist() == [[pytest.approx(5, abs=1e-3), 0], [0, pytest.approx(7, abs=1e-3)]]
    assert (int(positions[0, 0, 0, 0]), int(positions[0, 0, 1, 1])) == (4, 11)


def test_nearest_neighbors_are_four_times_the_same() -> None:
    small = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert torch.equal(
        passing_on(Nearest(1, 1))(small)[0, 0], small[0, 0].repeat_interleave(2, 0).repeat_interleave(2, 1)
    )


def test_unpooling_puts_values_where_the_maxima_were() -> None:
    small = torch.tensor([[[[3.0, 4.0], [5.0, 6.0]]]])
    positions = torch.tensor([[[[4, 2], [13, 11]]]])
    large = passing_on(Unpooling(1, 1))(small, positions)[0, 0]
    assert large.nonzero().tolist() == [[0, 2], [1, 0], [2, 3], [3, 1]]
    assert (large[1, 0], large[0, 2], large[3, 1], large[2, 3]) == (3, 4, 5, 6)


def test_a_transposed_convolution_of_ones_draws_a_checkerboard() -> None:
    block = Transposed(1, 1)
    with torch.no_grad():
        block.convolution.weight.fill_(1)
        block.convolution.bias.zero_()  # type: ignore[union-attr]
    output = block(torch.ones(1, 1, 4, 4))[0, 0]
    assert output.shape == (8, 8)
    assert output[2:4, 2:4].tolist() == [[1, 2], [2, 4]]  # so many contributions overlap at each place


@pytest.mark.parametrize("kind", DOUBLINGS)
def test_all_ways_of_doubling_learn_equally_many_numbers(kind: DoublingKind) -> None:
    assert parameter_count(DOUBLINGS[kind](6, 5)) == 6 * 5 * 9 + 5
