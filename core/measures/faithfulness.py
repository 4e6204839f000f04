"""Faithfulness of a map: how the prediction changes as its top pixels are inserted or deleted.

Insertion and deletion are the areas of RISE (Petsiuk et al. 2018, arXiv:1806.07421): the probability of the target as
the top pixels are inserted into the blurred picture, or blurred in the picture. Deleted pixels are blurred, not black:
new edges would be evidence of their own.
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
from core.measures.accuracy import top_shares
from core.measures.attributions import PIXEL_PERCENTS
from core.measures.localization import weights
from core.networks.network import Network

Numbers = NDArray[np.float64]

BATCH = 32


@dataclass(frozen=True)
class Faithfulness:
    """Measures of one map."""

    insertion: float
    """Area under `inserted`, 0 to 1; high where few pixels suffice for the prediction."""
    deletion: float
    """Area under `deleted`, 0 to 1; low where few pixels are necessary for the prediction."""
    inserted: Numbers
    """Probability of the target with the top pixels inserted, none to all, (steps + 1,)."""
    deleted: Numbers
    """Probability of the target with the top pixels deleted, none to all, (steps + 1,)."""
    retained_inserted: Numbers
    """1 where the target is the top-1 prediction with only the top pixels inserted, else 0, (len(PIXEL_PERCENTS),).

    A share where its logit is tied.
    """
    retained_deleted: Numbers
    """1 where the target is the top-1 prediction with the top pixels deleted, else 0, (len(PIXEL_PERCENTS),)."""


def faithfulness(network: Network, picture: Tensor, values: Floats, target: int, steps: int) -> Faithfulness:
    """Faithfulness of the map `values` (H, W) of `picture` (3, H, W) in [0, 1] for the class `target`."""
    shares = np.concatenate([np.linspace(0, 1, steps + 1), np.array(PIXEL_PERCENTS) / 100])
    top = top_pixels(values, shares)
    inserted, retained_inserted = _predictions(network, picture, top, target)
    deleted, retained_deleted = _predictions(network, picture, ~top, target)
    count = steps + 1
    return Faithfulness(
        insertion=float(np.trapezoid(inserted[:count], shares[:count])),
        deletion=float(np.trapezoid(deleted[:count], shares[:count])),
        inserted=inserted[:count],
        deleted=deleted[:count],
        retained_inserted=retained_inserted[count:],
        retained_deleted=retained_deleted[count:],
    )


def top_pixels(values: Floats, shares: Sequence[float] | Numbers) -> NDArray[np.bool_]:
    """The top pixels of a map (H, W), for each share of all pixels: (len(shares), H, W).

    Ties are broken in a fixed random order, so that a constant map gains nothing from the order of pixels.
    """
    flat = weights(values).ravel()
    tie_breaker = np.random.default_rng(0).permutation(flat.size)
    rank = np.empty(flat.size, np.intp)
    rank[np.lexsort((tie_breaker, -flat))] = np.arange(flat.size)
    counts = np.rint(np.asarray(shares) * flat.size)
    top: NDArray[np.bool_] = rank.reshape(values.shape) < counts[:, None, None]
    return top


@torch.inference_mode()
def _predictions(network: Network, picture: Tensor, visible: NDArray[np.bool_], target: int) -> tuple[Numbers, Numbers]:
    """Probability of `target`, and its share of top-1, each (S,), with pixels outside `visible` (S, H, W) blurred."""
    blurred = baseline(picture[None], "blurred")
    masks = torch.from_numpy(visible).to(picture.device)[:, None]  # (S, 1, H, W)
    logits = torch.cat([network(torch.where(chunk, picture, blurred)) for chunk in torch.split(masks, BATCH)]).double()
    targets = torch.full((len(logits),), target, device=logits.device)
    return logits.softmax(dim=1)[:, target].cpu().numpy(), top_shares(logits, targets).cpu().numpy()
