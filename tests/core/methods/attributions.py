"""What the tests of attributions have in common: small networks of every family, and some whose maps are known."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from core.media.samples import sample
from core.method_base.method import Context, Method
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.conftest import card

FAMILIES = {
    "cnn": "random/test_resnet",
    "vit": "random/test_vit",
    "mixer": "random/mixer_s32_224",
    "hybrid": "random/test_coatnet",
}


@cache
def loaded(name: str) -> Network:
    return load(get_card(name))


def photos(network: Network, count: int = 1) -> Tensor:
    """(N, 3, H, W)"""
    return network.prepare_all([sample(name) for name in ("cat", "coffee", "rocket")[:count]])


def noise(count: int = 1, side: int = 12) -> Tensor:
    """(N, 3, side, side) in [0, 1]"""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(2))


def small(*layers: nn.Module) -> Network:
    """A network of 12 x 12 pixels and three classes, its weights drawn anew but always the same."""
    model = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return Network(card("small"), model, "0" * 64)


def rectified() -> Network:
    """ReLUs as modules of their own, max pooling, average pooling, one linear layer."""
    return small(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


def made(name: str, **parameters: Any) -> Any:
    """The method, of whatever class."""
    method: Method = make_method(name, parameters)
    return method


class Broken(Context):
    """Fails where a method reports."""

    def report(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")


def hooks(network: Network) -> int:
    """How many hooks are on its modules."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)
