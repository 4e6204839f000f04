"""A step of `inversion`, everything included, against a bare torch loop with the same half of the network."""

from __future__ import annotations

from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 0.05


def run(*, quick: bool = False) -> Row:
    """Whole runs with the default parameters."""
    method = make_method("inversion", {"steps": 2 if quick else 200})
    return compare_with_bare("inversion", method, bare_loop, turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Fourier parameterization, forward up to the layer, backward, Adam."""
    leaf, pictures = bare.fourier(1, *picture.shape[2:])
    values = bare.first_half(network)
    target = values(picture)
    return bare.loop(leaf, lambda: (values(pictures()) - target).square().sum(), bare.adam(LEARNING_RATE))
