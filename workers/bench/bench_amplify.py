"""A step of `amplify`, everything included, against a bare torch loop with the same network."""

from __future__ import annotations

from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 1e-6
CLASS = 281


def run(*, quick: bool = False) -> Row:
    """Whole runs with the default parameters, none of which ends early."""
    method = make_method("amplify", {"steps": 2 if quick else 100, "goal": 1.0})
    return compare_with_bare("amplify", method, bare_loop, turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Forward, backward to the pixels, gradient descent."""
    leaf = bare.pixels(picture)
    return bare.loop(leaf, lambda: -network(leaf).log_softmax(dim=1)[:, CLASS].sum(), bare.sgd(LEARNING_RATE))
