"""What a picture is moved towards, each as one number a picture: of a layer's map, or of the logits.

Maps are (N, C, h, w), as `core.networks.layout.map_of` gives them for every family of network: a place is a pixel of a
feature map, or a token. Sums and differences of these are plain arithmetic on (N,).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

FREED_STEPS = 16
"""Steps in which a dead unit still gets a gradient, as lucid has it."""


def channel(values: Tensor, index: Tensor) -> Tensor:
    """Mean over all places of channel `index` (N,) of each map."""
    return values.mean(dim=(2, 3)).gather(1, index[:, None])[:, 0]


def neuron(values: Tensor, index: Tensor, y: float = 0.5, x: float = 0.5) -> Tensor:
    """Channel `index` (N,) at one place, by its share of height and width: the middle, where nothing is said."""
    row, column = int(y * (values.shape[2] - 1) + 0.5), int(x * (values.shape[3] - 1) + 0.5)
    there: Tensor = values[:, :, row, column]
    return there.gather(1, index[:, None])[:, 0]


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


class _FreedReLU(torch.autograd.Function):
    """ReLU (up to `most`) whose gradient also reaches a unit that is off, where it would switch the unit on."""

    @staticmethod
    def forward(context: Any, values: Tensor, most: float) -> Tensor:
        context.save_for_backward(values)
        context.most = most
        return values.clamp(0, most)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        shut = ((values < 0) & (gradient > 0)) | ((values > context.most) & (gradient < 0))
        return gradient.masked_fill(shut, 0), None


@contextmanager
def freed_relus(model: nn.Module) -> Iterator[None]:
    """ReLUs let the gradient through that would wake a unit, while this lasts: a blank sheet finds dead units."""

    def freed(module: nn.Module, arguments: tuple[Any, ...], _: Any) -> Any:
        return _FreedReLU.apply(arguments[0], 6.0 if isinstance(module, nn.ReLU6) else torch.inf)

    with ExitStack() as hooks:
        for module in model.modules():
            if isinstance(module, nn.ReLU | nn.ReLU6):
                hooks.callback(module.register_forward_hook(freed).remove)
        yield
