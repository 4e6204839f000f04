"""Maps of a class from a layer's map (N, C, h, w): its channels weighted, each place by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

CLOSE = 1e-3
"""By so much of their size may logits differ that are computed in another order."""


def _soft_maximum(evidence: Tensor) -> Tensor:
    places = evidence.flatten(2)
    return places.logsumexp(dim=2) - math.log(places.shape[2])


POOLINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "average": lambda evidence: evidence.mean(dim=(2, 3)),
    "soft maximum": _soft_maximum,
}
"""How a network may join the evidence (N, K, h, w) of all places into logits (N, K)."""


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """relu(sum_k alpha_k A^k), alpha_k the mean over all places of the gradient: two (N, C, h, w) -> (N, h, w)."""
    return (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1).relu()


def cam(features: Tensor, weights: Tensor) -> Tensor:
    """sum_k w_k F^k of each picture: features (N, C, h, w), weights (N, C) of its class -> (N, h, w)."""
    return torch.einsum("nchw,nc->nhw", features, weights)


def classifier(model: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weights (K, C) and bias (K,) of the last linear layer or convolution; C is 0 where there is none."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not layers:
        return torch.empty(0, 0), None
    return layers[-1].weight.flatten(1), layers[-1].bias


def pooling_of(features: Tensor, weights: Tensor, bias: Tensor | None, logits: Tensor) -> str | None:
    """By which of `POOLINGS` the classifier's answers at each place of (N, C, h, w) make these logits (N, K).

    None: by none, so that the network is no linear classifier at each place. It is tried, not read from the
    architecture: what makes the map true is that it adds up.
    """
    if features.shape[1] != weights.shape[1] or len(weights) != logits.shape[1]:
        return None
    evidence = functional.conv2d(features, weights[:, :, None, None], bias)
    apart = CLOSE * float(logits.abs().amax())
    return next(
        (name for name, pool in POOLINGS.items() if bool(((pool(evidence) - logits).abs() <= apart).all())), None
    )


def enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, h, w) on the picture's own grid (N, height, width), linear between the places."""
    larger = functional.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)
    return larger[:, 0]
