"""Does a map say what the answer rests on? The best pixels are shown alone, or hidden, and the network is asked again.

Insertion and deletion are the areas of RISE (Petsiuk et al. 2018, arXiv:1806.07421): the probability of a class as the
best pixels are put into the blurred picture, or are blurred in the picture. What is not shown is blurred, not black, as
an edge that was not there would be evidence of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.engine.attribution.baselines import baseline
from core.items import Floats
from core.measures.attributions import SHOWN
from core.measures.localization import weights
from core.networks.network import Network

Numbers = NDArray[np.float64]

BATCH = 32


@dataclass(frozen=True)
class Faithfulness:
    """What one picture's map is worth."""

    insertion: float
    """Area under `inserted`, 0 to 1; high where few pixels make the answer"""
    deletion: float
    """Area under `deleted`, 0 to 1; low where few pixels unmake the answer"""
    inserted: Numbers
    """(steps + 1,) probability of the class with the best pixels shown, none to all"""
    deleted: Numbers
    """(steps + 1,) the same with the best pixels hidden, none to all"""
    kept_shown: Numbers
    """(len(SHOWN),) 1 where the class is still the first answer with only the best pixels shown, else 0"""
    kept_hidden: Numbers
    """(len(SHOWN),) the same with the best pixels hidden"""


def faithfulness(network: Network, picture: Tensor, values: Floats, target: int, steps: int) -> Faithfulness:
    """Measure the map `values` (H, W) of `picture` (3, H, W) in [0, 1] for the class of logit `target`."""
    shares = np.concatenate([np.linspace(0, 1, steps + 1), np.array(SHOWN) / 100])
    best = best_pixels(values, shares)
    inserted, kept_shown = _asked(network, picture, best, target)
    deleted, kept_hidden = _asked(network, picture, ~best, target)
    count = steps + 1
    return Faithfulness(
        insertion=float(np.trapezoid(inserted[:count], shares[:count])),
        deletion=float(np.trapezoid(deleted[:count], shares[:count])),
        inserted=inserted[:count],
        deleted=deleted[:count],
        kept_shown=kept_shown[count:],
        kept_hidden=kept_hidden[count:],
    )


def best_pixels(values: Floats, shares: Sequence[float] | Numbers) -> NDArray[np.bool_]:
    """Which pixels of a map (H, W) are its best ones, for each share of all pixels: (len(shares), H, W).

    Pixels of equal value come in a random order, always the same one: a map without an order gains nothing from it.
    """
    flat = weights(values).ravel()
    by_chance = np.random.default_rng(0).permutation(flat.size)
    rank = np.empty(flat.size, np.intp)
    rank[np.lexsort((by_chance, -flat))] = np.arange(flat.size)
    counts = np.rint(np.asarray(shares) * flat.size)
    best: NDArray[np.bool_] = rank.reshape(values.shape) < counts[:, None, None]
    return best


@torch.inference_mode()
def _asked(network: Network, picture: Tensor, seen: NDArray[np.bool_], target: int) -> tuple[Numbers, Numbers]:
    """Probability of `target` (S,), and whether it is the first answer (S,), where `seen` (S, H, W) is not blurred."""
    rest = baseline(picture[None], "blurred")
    masks = torch.from_numpy(seen).to(picture.device)[:, None]  # (S, 1, H, W)
    logits = torch.cat([network(torch.where(some, picture, rest)) for some in torch.split(masks, BATCH)]).double()
    probability, first = logits.softmax(dim=1)[:, target], logits.argmax(dim=1) == target
    return probability.cpu().numpy(), first.double().cpu().numpy()
