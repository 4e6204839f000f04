"""A step of `detail_search`, everything included, against a bare torch loop with the same network."""

from __future__ import annotations

from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 0.005


def run(*, quick: bool = False) -> Row:
    """Whole runs with the default parameters."""
    method = make_method("detail_search", {"steps": 2 if quick else 200})
    return compare_with_bare("loop", method, bare_loop, turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Forward, backward to the pixels, Adam."""
    leaf = bare.pixels(picture)
    target = network(picture.flip(-1)).softmax(
        dim=1
    )  # close to the prediction but not equal: computing with zeros may be faster
    return bare.loop(leaf, lambda: (target - network(leaf).softmax(dim=1)).square().mean(), bare.adam(LEARNING_RATE))
