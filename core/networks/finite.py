"""Whether a network's output is finite, and the layer in which it first is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ComputationFailed
from core.networks.network import Network

OUTPUT = "the logits"
"""Stands in place of a layer where all layers are finite, but not what is made of them."""


@torch.no_grad()
def require_finite(network: Network, pictures: Tensor) -> Tensor:
    """The output of `network` for pictures (N, 3, H, W) in [0, 1].

    Raises ComputationFailed where it holds NaN or infinities, with the layer where they first appear.
    """
    output: Tensor = network(pictures)
    if all(torch.isfinite(tensor).all() for tensor in _tensors(output)):
        return output
    layer = first_layer_not_finite(network, pictures)
    raise ComputationFailed(
        f"the network's output is not finite: {network.card.name} first has NaN or infinity in {layer}"
    )


@torch.no_grad()
def first_layer_not_finite(network: Network, pictures: Tensor) -> str:
    """Name of the first module, in the order in which they end, with an output that is not finite; `OUTPUT` if none.

    `pictures`: (N, 3, H, W) in [0, 1].
    """
    names: list[str] = []

    def look(_: nn.Module, __: Any, output: Any, name: str) -> None:
        if not all(torch.isfinite(tensor).all() for tensor in _tensors(output)):
            names.append(name)

    with ExitStack() as hooks:
        for name, module in network.model.named_modules():
            hooks.callback(module.register_forward_hook(partial(look, name=name)).remove)
        network(pictures)
    return next(filter(None, names), OUTPUT)


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors in what a module returns."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from (tensor for part in output.values() for tensor in _tensors(part))
    elif isinstance(output, list | tuple):
        yield from (tensor for part in output for tensor in _tensors(part))
