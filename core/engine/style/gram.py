"""Style as Gram matrices of a layer's channels.

Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style", 2015, arXiv:1508.06576. Maps are (T, C, h, w), as
`core.networks.layout.map_of` gives them for every family of network: T parts of one picture, whose positions are pixels
of a feature map, or tokens. A Gram matrix pools the positions of all parts, whatever their order.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gram(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over all positions of the products of each two channels, (C, C).

    `weights` (T, 1, h, w): weights of the positions; None: uniform.
    """
    rows = values.movedim(1, 0).flatten(1)  # (C, positions)
    with torch.autocast(values.device.type, enabled=False):  # sums of thousands of products
        if weights is None:
            return rows @ rows.T / rows.shape[1]
        position_weights = weights.reshape(1, -1)
        return (rows * position_weights) @ rows.T / position_weights.sum().clamp_min(1e-6)


def smoothed(values: Tensor, scale: Tensor) -> Tensor:
    """Softmax over all activations / `scale`, times their number, so that the mean is 1; same shape.

    SWAG: Wang, Li, Vasconcelos, "Rethinking and Improving the Robustness of Image Style Transfer", CVPR 2021.
    """
    return (values / scale).flatten().softmax(dim=0).view_as(values) * values.numel()
