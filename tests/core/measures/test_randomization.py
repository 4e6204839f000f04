from __future__ import annotations

import numpy as np
import pytest
import torch

from core.measures.randomization import parts, randomized, rank_correlation, stages
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network


@pytest.fixture(scope="module")
def vit() -> Network:
    return load(get_card("random/test_vit"))


def changed(before: Network, after: Network) -> set[str]:
    parameters = dict(after.named_parameters())
    return {name for name, tensor in before.named_parameters() if not torch.equal(tensor, parameters[name])}


def test_the_cascade_goes_from_the_classifier_to_all_there_is(vit: Network) -> None:
    names = parts(vit)
    assert names[-1] == "head"
    counts = stages(vit)
    assert (counts[0], counts[100]) == (1, len(names))
    assert list(counts.values()) == sorted(counts.values())


def test_the_last_parts_alone_are_randomized_and_the_given_network_is_left_alone(vit: Network) -> None:
    before = {name: tensor.clone() for name, tensor in vit.named_parameters()}
    assert {name.split(".")[1] for name in changed(vit, randomized(vit, 1))} == {"head"}
    two = changed(vit, randomized(vit, 2))
    assert {name.rpartition(".")[0].removeprefix("model.") for name in two} <= set(parts(vit)[-2:])
    assert all(torch.equal(tensor, before[name]) for name, tensor in vit.named_parameters())


def test_in_the_end_everything_is_random_also_what_belongs_to_no_layer(vit: Network) -> None:
    last = randomized(vit, len(parts(vit)))
    assert {"model.pos_embed", "model.patch_embed.proj.weight", "model.head.weight"} <= changed(vit, last)
    weight, other = vit.model.head.weight, last.model.head.weight
    torch.testing.assert_close(weight.flatten().sort().values, other.flatten().sort().values)


def test_a_stage_extends_the_previous_one_and_is_the_same_each_time(vit: Network) -> None:
    one, again, two = (dict(randomized(vit, last, seed=3).named_parameters()) for last in (1, 1, 2))
    assert all(torch.equal(tensor, again[name]) for name, tensor in one.items())
    assert torch.equal(one["model.head.weight"], two["model.head.weight"])
    other = dict(randomized(vit, 1, seed=4).named_parameters())
    assert not torch.equal(one["model.head.weight"], other["model.head.weight"])


def test_ranks_are_compared_not_values() -> None:
    values = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    assert rank_correlation(values, values**3) == 1
    assert rank_correlation(values, 1 - values) == pytest.approx(-1)
    assert abs(rank_correlation(values, np.random.default_rng(1).random((8, 8)).astype(np.float32))) < 0.4


@pytest.mark.parametrize("level", [0.0, 1.0, -2.0])
def test_a_constant_map_has_no_correlation_not_even_with_itself(level: float) -> None:
    constant, values = np.full((4, 4), level, np.float32), np.arange(16, dtype=np.float32).reshape(4, 4)
    assert rank_correlation(constant, values) is rank_correlation(values, constant) is None
    assert rank_correlation(constant, 3 * constant) is None
