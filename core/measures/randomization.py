"""Does a map depend on what the network learned? Weights are randomized from the top down (Adebayo et al. 2018).

A map that stays the same shows the picture, not the network (arXiv:1810.03292).
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from scipy import stats

from core.items import Floats
from core.measures.attributions import STAGES
from core.measures.localization import weights
from core.networks.network import Network


def parts(network: Network) -> list[str]:
    """The layers that hold weights, in order of depth."""
    return [name for name in network.layers() if any(True for _ in network.layer(name).parameters())]


def stages(network: Network) -> dict[int, int]:
    """Percent of `STAGES` -> how many parts are randomized, from the top."""
    count = len(parts(network))
    return {percent: max(1, math.ceil(count * percent / 100)) for percent in STAGES}


def randomized(network: Network, last: int, seed: int = 0) -> Network:
    """A copy of `network` whose last so many parts have learned nothing; all of them: no weight is left in its place.

    The numbers of each tensor change places, so that their distribution, and with it the size of activations, stays.
    """
    changed = copy.deepcopy(network)
    names = parts(network)
    chosen = tuple(f"model.{name}." for name in names[len(names) - last :])
    with torch.no_grad():
        for place, (name, tensor) in enumerate(changed.named_parameters()):
            if last >= len(names) or name.startswith(chosen):
                generator = torch.Generator().manual_seed(seed + place)
                order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return changed


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation of the positive parts of two maps (H, W), -1 to 1.

    Maps that are the same correlate by 1, also where they are constant; one that is constant by 0 with any other.
    """
    ranks = [stats.rankdata(weights(values)) for values in (first, second)]
    if np.array_equal(*ranks):
        return 1.0
    if any(np.ptp(rank) == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
