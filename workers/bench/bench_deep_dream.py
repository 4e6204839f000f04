"""A step of `deep_dream`, everything included, against a bare torch loop with the same half of the network."""

from __future__ import annotations

from functools import partial
from itertools import count

import torch
from torch import Tensor
from torch.nn import functional

from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

LEARNING_RATE = 1e-3
STEPS = 60
TIMES = (1.0, 3**0.5, 3.0)
"""Size of the picture relative to the network's input, in each third of the steps."""


def run(*, quick: bool = False) -> Row:
    """Whole runs with the default parameters."""
    steps = 3 if quick else STEPS
    method = make_method("deep_dream", {"steps": steps})
    return compare_with_bare("deep_dream", method, partial(bare_loop, steps=steps), turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor, *, steps: int = STEPS) -> Step:
    """At the method's picture size of each step: tiles, forward up to the layer, backward, gradient descent."""
    side = picture.shape[3]
    leaf = bare.pixels(functional.interpolate(picture, scale_factor=TIMES[-1], mode="bilinear"))
    values, numbers = bare.first_half(network), count(-1)  # the loop takes one step before the first that counts

    def loss() -> Tensor:
        times = TIMES[min(max(next(numbers), 0) * len(TIMES) // steps, len(TIMES) - 1)]
        return -values(_tiles(leaf, round(times * side), side)).square().mean()

    return bare.loop(leaf, loss, bare.sgd(LEARNING_RATE))


def _tiles(picture: Tensor, size: int, side: int) -> Tensor:
    """The square picture (1, 3, H, H) resized to `size`, randomly shifted, as overlapping tiles of `side`."""
    if picture.shape[3] != size:
        picture = functional.interpolate(picture, size=(size, size), mode="bilinear", antialias=True)
    down, right = torch.randint(side, (2,)).tolist()
    shifted = picture.roll((down, right), dims=(2, 3))
    lines = -(-size // side)
    corners = [round(line * (size - side) / max(1, lines - 1)) for line in range(lines)]
    return torch.cat([shifted[:, :, top : top + side, left : left + side] for top in corners for left in corners])
