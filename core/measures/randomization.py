"""Parameter-randomization sanity check: weights are randomized from the top down (Adebayo et al. 2018).

A map that stays the same depends on the picture, not on the network (arXiv:1810.03292).
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from scipy import stats

from core.items import Floats
from core.measures.attributions import RANDOMIZED_PERCENTS
from core.measures.localization import is_constant, weights
from core.networks.network import Network


def parts(network: Network) -> list[str]:
    """Names of the layers that have weights, in order of depth."""
    return [name for name in network.layers() if any(True for _ in network.layer(name).parameters())]


def stages(network: Network) -> dict[int, int]:
    """Each of `RANDOMIZED_PERCENTS` -> number of layers that are randomized, from the top."""
    count = len(parts(network))
    return {percent: max(1, math.ceil(count * percent / 100)) for percent in RANDOMIZED_PERCENTS}


def randomized(network: Network, last: int, seed: int = 0) -> Network:
    """A copy of `network` with its last `last` layers randomized; with all layers, all parameters are.

    The values of each tensor are permuted, so that their distribution, and with it the scale of activations, stays.
    """
    randomized_network = copy.deepcopy(network)
    names = parts(network)
    prefixes = tuple(f"model.{name}." for name in names[len(names) - last :])
    with torch.no_grad():
        for index, (name, tensor) in enumerate(randomized_network.named_parameters()):
            if last >= len(names) or name.startswith(prefixes):
                generator = torch.Generator().manual_seed(seed + index)
                order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return randomized_network


def rank_correlation(first: Floats, second: Floats) -> float | None:
    """Spearman's rank correlation of the positive parts of two maps (H, W), -1 to 1; None where one is constant."""
    if is_constant(first) or is_constant(second):
        return None
    ranks = [stats.rankdata(weights(values)) for values in (first, second)]
    return 1.0 if np.array_equal(*ranks) else float(np.corrcoef(*ranks)[0, 1])
