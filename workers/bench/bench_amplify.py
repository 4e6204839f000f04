"""A step of `amplify`, everything included, against a bare torch loop over the same network."""

from __future__ import annotations

from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

RATE = 1e-6
CLASS = 281


def run(*, quick: bool = False) -> Row:
    """Whole runs with the method's defaults, but that none ends early."""
    method = make_method("amplify", {"steps": 2 if quick else 100, "goal": 1.0})
    return compare_with_bare("amplify", method, bare_loop, turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Forward, backward to the pixels, plain descent."""
    moved = bare.pixels(picture)
    return bare.loop(moved, lambda: -network(moved).log_softmax(dim=1)[:, CLASS].sum(), bare.sgd(RATE))
