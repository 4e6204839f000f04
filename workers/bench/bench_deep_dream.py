"""A step of `deep_dream`, everything included, against a bare torch loop over the same half of the network."""

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

RATE = 1e-3
STEPS = 60
TIMES = (1.0, 3**0.5, 3.0)
"""How much larger than the network's input the picture is seen, one after the other."""


def run(*, quick: bool = False) -> Row:
    """Whole runs with the method's defaults."""
    steps = 3 if quick else STEPS
    method = make_method("deep_dream", {"steps": steps})
    return compare_with_bare("deep_dream", method, partial(bare_loop, steps=steps), turns=1 if quick else 3)


def bare_loop(network: Network, picture: Tensor, *, steps: int = STEPS) -> Step:
    """As large as the method sees the picture at each step: parts, forward as far as the layer, backward, descent."""
    side = picture.shape[3]
    moved = bare.pixels(functional.interpolate(picture, scale_factor=TIMES[-1], mode="bilinear"))
    values, numbers = bare.first_half(network), count(-1)  # the loop takes one step before the first that counts

    def loss() -> Tensor:
        times = TIMES[min(max(next(numbers), 0) * len(TIMES) // steps, len(TIMES) - 1)]
        return -values(_parts(moved, round(times * side), side)).square().mean()

    return bare.loop(moved, loss, bare.sgd(RATE))


def _parts(picture: Tensor, size: int, side: int) -> Tensor:
    """The square picture (1, 3, H, H) at `size`, shifted at random and cut into overlapping squares of `side`."""
    if picture.shape[3] != size:
        picture = functional.interpolate(picture, size=(size, size), mode="bilinear", antialias=True)
    down, right = torch.randint(side, (2,)).tolist()
    shifted = picture.roll((down, right), dims=(2, 3))
    lines = -(-size // side)
    corners = [round(line * (size - side) / max(1, lines - 1)) for line in range(lines)]
    return torch.cat([shifted[:, :, top : top + side, left : left + side] for top in corners for left in corners])
