"""Class activation maps: weighted sums over the channels of a layer's map (N, C, h, w)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

TOLERANCE = 1e-3
"""Relative difference up to which logits count as equal: they are summed in another order."""


def _soft_maximum(evidence: Tensor) -> Tensor:
    values = evidence.flatten(2)
    return values.logsumexp(dim=2) - math.log(values.shape[2])


POOLINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "average": lambda evidence: evidence.mean(dim=(2, 3)),
    "soft maximum": _soft_maximum,
}
"""How a network may pool the class evidence (N, K, h, w) of all positions into logits (N, K)."""


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """relu(sum_k alpha_k A^k), alpha_k the gradient's mean over all positions: both (N, C, h, w) -> (N, h, w)."""
    return (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1).relu()


def cam(features: Tensor, weights: Tensor) -> Tensor:
    """sum_k w_k F^k: features (N, C, h, w), class weights (N, C) -> (N, h, w)."""
    return torch.einsum("nchw,nc->nhw", features, weights)


def classifier(model: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weights (K, C) and bias (K,) of the last linear layer or convolution; weights (0, 0) where there is none."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not layers:
        return torch.empty(0, 0), None
    return layers[-1].weight.flatten(1), layers[-1].bias


def pooling_of(features: Tensor, weights: Tensor, bias: Tensor | None, logits: Tensor) -> str | None:
    """The one of `POOLINGS` that pools the classifier's output at each position of (N, C, h, w) to the logits (N, K).

    None where none does: the network is then no linear classifier of each position. Tested on values rather than read
    from the architecture: a class activation map is valid where it adds up to the logit.
    """
    if features.shape[1] != weights.shape[1] or len(weights) != logits.shape[1]:
        return None
    evidence = functional.conv2d(features, weights[:, :, None, None], bias)
    tolerance = TOLERANCE * float(logits.abs().amax())
    return next(
        (name for name, pool in POOLINGS.items() if bool(((pool(evidence) - logits).abs() <= tolerance).all())), None
    )


def upsampled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, h, w) upsampled bilinearly to `size`: (N, height, width)."""
    maps_at_size = functional.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)
    return maps_at_size[:, 0]
