"""What a picture is moved towards, each as one number a picture: of a layer's map, or of the logits.

Maps are (N, C, h, w), as `core.networks.layout.map_of` gives them for every family of network: a place is a pixel of a
feature map, or a token. Sums and differences of these are plain arithmetic on (N,).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

REDIRECTED_STEPS = 16
"""Steps in which a dead unit still gets a gradient, as lucid has it."""


def channels(values: Tensor) -> Tensor:
    """Mean over all places of each channel, (N, C)."""
    return values.mean(dim=(2, 3))


def neurons(values: Tensor, y: float = 0.5, x: float = 0.5) -> Tensor:
    """Each channel at one place, by its share of height and width: the middle, where nothing is said; (N, C)."""
    row, column = int(y * (values.shape[2] - 1) + 0.5), int(x * (values.shape[3] - 1) + 0.5)
    there: Tensor = values[:, :, row, column]
    return there


def chosen(activations: Tensor, index: Tensor) -> Tensor:
    """Of each row of (N, C) the one that `index` (N,) says."""
    return activations.gather(1, index[:, None])[:, 0]


def numbered(first: int, count: int, device: torch.device) -> Tensor:
    """The units from `first` on, (count,)."""
    return torch.arange(first, first + count, device=device)


def most_excited(own: Tensor, others: Tensor, count: int) -> Tensor:
    """The `count` units (count,) whose activation `own` (1, C) lies the most standard deviations above `others` (N, C).

    Units that say the same of all come last.
    """
    spread = others.std(dim=0, correction=0)
    above = (own[0] - others.mean(dim=0)) / spread.clamp_min(1e-12)
    return above.where(spread > 1e-12, -torch.inf).topk(count).indices


def layer(values: Tensor) -> Tensor:
    """Mean of the squares: whatever the layer sees already (Mordvintsev et al. 2015)."""
    return values.square().mean(dim=(1, 2, 3))


def direction(values: Tensor, along: Tensor) -> Tensor:
    """Mean over all places of the projection on the unit vector of `along` (C,) or (N, C)."""
    unit = functional.normalize(along, dim=-1)
    return (values.mean(dim=(2, 3)) * unit).sum(dim=1)


def caricature(values: Tensor, photo: Tensor, power: float = 1.0) -> Tensor:
    """Mean over all places of <a, b> cos(a, b)^power, `b` the photo's activations: what is there, and more of it."""
    product = (values * photo).sum(dim=1)
    lengths = values.norm(dim=1) * photo.norm(dim=1)
    cosine = (product / lengths.clamp_min(1e-12)).clamp_min(0.1)
    return (product * torch.pow(cosine, power)).mean(dim=(1, 2))


def inversion(values: Tensor, photo: Tensor) -> Tensor:
    """|a - b|^2 / |b|^2, `b` the photo's activations: 0 where the layer cannot tell the pictures apart."""
    distance = (values - photo).square().sum(dim=(1, 2, 3))
    return distance / photo.square().sum(dim=(1, 2, 3)).clamp_min(1e-12)


def class_answer(logits: Tensor, index: Tensor, answer: Literal["logits", "probabilities"]) -> Tensor:
    """The logit of class `index` (N,), or the log of its probability, which can rise by lowering the others too."""
    values = logits if answer == "logits" else logits.log_softmax(dim=1)
    return values.gather(1, index[:, None])[:, 0]


def total_variation(picture: Tensor) -> Tensor:
    """Mean absolute difference of neighbors along both axes, (N, C, H, W) -> (N,)."""
    along_y = (picture[:, :, 1:] - picture[:, :, :-1]).abs().mean(dim=(1, 2, 3))
    return along_y + (picture[..., 1:] - picture[..., :-1]).abs().mean(dim=(1, 2, 3))


class _RedirectedReLU(torch.autograd.Function):
    """ReLU (up to `most`) whose gradient also reaches units that are off, where it would switch them on.

    Only for a picture that would get no gradient at all: anywhere else the freed ones would drown the true ones.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, most: float) -> Tensor:
        context.save_for_backward(values)
        context.most = most
        return functional.hardtanh(values, 0.0, most)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        true: Tensor = torch.ops.aten.hardtanh_backward(gradient, values, 0.0, context.most)
        dead = torch.linalg.vector_norm(true.flatten(1), dim=1) == 0  # fast; `all` is not
        if not dead.any():
            return true, None
        below, above = values <= 0, values >= context.most
        freed = gradient.masked_fill((below & (gradient > 0)) | (above & (gradient < 0)), 0)
        return freed.where(dead.view(-1, *[1] * (values.ndim - 1)), true), None


@contextmanager
def redirected_relu(model: nn.Module) -> Iterator[None]:
    """ReLUs that would stop all of a picture's gradient let through what would wake them, while this lasts.

    On a blank sheet a unit may be dead. As lucid has it.
    """
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU | nn.ReLU6)]
    try:
        for relu in relus:  # not by hooks, which would only replace what was computed already
            most = 6.0 if isinstance(relu, nn.ReLU6) else torch.inf
            vars(relu)["forward"] = lambda values, most=most: _RedirectedReLU.apply(values, most)
        yield
    finally:
        for relu in relus:
            vars(relu).pop("forward", None)
