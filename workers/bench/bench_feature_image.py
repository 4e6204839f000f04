"""A step of `feature_image`, everything included, against a bare torch loop with the same half of the network."""

from __future__ import annotations

import torch
from torch import Tensor

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 0.05
PICTURES = 4


def run(*, quick: bool = False) -> Row:
    """A whole run with the default parameters; it takes a minute."""
    method = make_method("feature_image", {"steps": 2 if quick else 150, "count": PICTURES})
    return compare_with_bare("feature_image", method, bare_loop, turns=1)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Fourier parameterization, random transforms, forward up to the layer, backward, Adam."""
    leaf, pictures = bare.fourier(PICTURES, *picture.shape[2:])
    values, each = bare.first_half(network), torch.arange(PICTURES)
    return bare.loop(
        leaf, lambda: -values(bare.transformed(pictures()))[each, each].mean((1, 2)).sum(), bare.adam(LEARNING_RATE)
    )
