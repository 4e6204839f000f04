"""A step of `class_image`, everything included, against a bare torch loop with the same network."""

from __future__ import annotations

from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 0.05
CLASS = 281
PICTURES = 4


def run(*, quick: bool = False) -> Row:
    """A whole run with the default parameters; it takes a minute."""
    method = make_method("class_image", {"steps": 2 if quick else 150, "seeds": PICTURES})
    return compare_with_bare("class_image", method, bare_loop, turns=1)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Fourier parameterization, random transforms, forward, backward, Adam."""
    leaf, pictures = bare.fourier(PICTURES, *picture.shape[2:])
    return bare.loop(leaf, lambda: -network(bare.transformed(pictures()))[:, CLASS].sum(), bare.adam(LEARNING_RATE))
