"""Objectives, one number per picture, of a layer's map or of the logits.

Maps are (N, C, h, w), as `core.networks.layout.map_of` gives them for every family of network: a position is a pixel of
a feature map, or a token. Objectives combine by plain arithmetic on (N,).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

REDIRECTED_STEPS = 16
"""Steps in which a dead unit still gets a gradient, as in lucid."""


def channels(values: Tensor) -> Tensor:
    """Mean of each channel over all positions, (N, C, h, w) -> (N, C)."""
    return values.mean(dim=(2, 3))


def neurons(values: Tensor, y: float = 0.5, x: float = 0.5) -> Tensor:
    """Each channel at one position, (N, C); `y`, `x` in [0, 1]: shares of height and width, by default the center."""
    row, column = int(y * (values.shape[2] - 1) + 0.5), int(x * (values.shape[3] - 1) + 0.5)
    activations: Tensor = values[:, :, row, column]
    return activations


def selected(activations: Tensor, index: Tensor) -> Tensor:
    """Entry `index` (N,) of each row of (N, C): (N,)."""
    return activations.gather(1, index[:, None])[:, 0]


def unit_range(first: int, count: int, device: torch.device) -> Tensor:
    """Indices of `count` units from `first` on, (count,)."""
    return torch.arange(first, first + count, device=device)


def most_excited_units(own: Tensor, others: Tensor, count: int) -> Tensor:
    """The `count` units (count,) whose activation `own` (1, C) has the largest z-score against `others` (N, C).

    Units that are constant over `others` come last.
    """
    spread = others.std(dim=0, correction=0)
    z_score = (own[0] - others.mean(dim=0)) / spread.clamp_min(1e-12)
    return z_score.where(spread > 1e-12, -torch.inf).topk(count).indices


def layer(values: Tensor) -> Tensor:
    """Mean squared activation, (N,): amplifies whatever the layer detects (DeepDream, Mordvintsev et al. 2015)."""
    return values.square().mean(dim=(1, 2, 3))


def direction(values: Tensor, along: Tensor) -> Tensor:
    """Mean over all positions of the projection on the unit vector along `along` (C,) or (N, C): (N,)."""
    unit = functional.normalize(along, dim=-1)
    return (values.mean(dim=(2, 3)) * unit).sum(dim=1)


def caricature(values: Tensor, photo: Tensor, power: float = 1.0) -> Tensor:
    """Mean over all positions of <a, b> cos(a, b)^power, `b` the photo's activations: (N,)."""
    product = (values * photo).sum(dim=1)
    lengths = values.norm(dim=1) * photo.norm(dim=1)
    cosine = (product / lengths.clamp_min(1e-12)).clamp_min(0.1)
    return (product * torch.pow(cosine, power)).mean(dim=(1, 2))


def inversion(values: Tensor, photo: Tensor) -> Tensor:
    """|a - b|^2 / |b|^2, `b` the photo's activations: (N,), 0 where the layer cannot distinguish the pictures."""
    distance = (values - photo).square().sum(dim=(1, 2, 3))
    return distance / photo.square().sum(dim=(1, 2, 3)).clamp_min(1e-12)


def class_score(logits: Tensor, index: Tensor, score: Literal["logits", "probabilities"]) -> Tensor:
    """The logit of class `index` (N,), or its log-probability, which also rises as other logits fall: (N,)."""
    values = logits if score == "logits" else logits.log_softmax(dim=1)
    return selected(values, index)


def total_variation(picture: Tensor) -> Tensor:
    """Total variation: mean absolute difference of neighbors along both axes, (N, C, H, W) -> (N,)."""
    along_y = (picture[:, :, 1:] - picture[:, :, :-1]).abs().mean(dim=(1, 2, 3))
    return along_y + (picture[..., 1:] - picture[..., :-1]).abs().mean(dim=(1, 2, 3))


class _RedirectedReLU(torch.autograd.Function):
    """ReLU (up to `upper`) whose gradient also reaches units that are off, where it would switch them on.

    Only for a picture that would get no gradient at all: elsewhere, redirected gradients would outweigh the true ones.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, upper: float) -> Tensor:
        context.save_for_backward(values)
        context.upper = upper
        return functional.hardtanh(values, 0.0, upper)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        plain: Tensor = torch.ops.aten.hardtanh_backward(gradient, values, 0.0, context.upper)
        dead = torch.linalg.vector_norm(plain.flatten(1), dim=1) == 0  # fast; `all` is not
        if not dead.any():
            return plain, None
        below, above = values <= 0, values >= context.upper
        redirected = gradient.masked_fill((below & (gradient > 0)) | (above & (gradient < 0)), 0)
        return redirected.where(dead.view(-1, *[1] * (values.ndim - 1)), plain), None


@contextmanager
def redirected_relu(model: nn.Module) -> Iterator[None]:
    """Let ReLUs that block all of a picture's gradient pass what would switch them on, while the context is open.

    On a blank picture a unit may be dead. As in lucid.
    """
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU | nn.ReLU6)]
    try:
        for relu in relus:  # hooks would only replace what was computed already
            upper = 6.0 if isinstance(relu, nn.ReLU6) else torch.inf
            vars(relu)["forward"] = lambda values, upper=upper: _RedirectedReLU.apply(values, upper)
        yield
    finally:
        for relu in relus:
            vars(relu).pop("forward", None)
