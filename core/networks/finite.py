"""Whether a network's output is finite, and the layer in which it first is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from core.errors import ComputationFailed, Superseded
from core.media.picture import Picture
from core.networks.network import Network

OUTPUT = "the logits"
"""Stands in place of a layer where all layers are finite, but not what is made of them."""


@torch.no_grad()
def require_finite(network: Network, pictures: Tensor) -> Tensor:
    """The output of `network` for pictures (N, 3, H, W) in [0, 1].

    Raises ComputationFailed where it holds NaN or infinities, with the layer where they first appear.
    """
    output: Tensor = network(pictures)
    if _finite(output):
        return output
    layer = first_layer_not_finite(network, pictures)
    raise ComputationFailed(
        f"the network's output is not finite: {network.card.name} first has NaN or infinity in {layer}"
    )


@contextmanager
def finite_outputs(network: Network, pictures: Sequence[Picture]) -> Iterator[None]:
    """Raise ComputationFailed where an output of `network`, of any pass within, holds NaN or infinities.

    What the passes give is looked at as it goes by; where nothing was seen, `pictures` are passed through afterwards.
    """
    seen: list[Tensor] = []

    def look(_: nn.Module, __: Any, output: Any) -> None:
        if not is_in_torch_dispatch_mode():  # whoever records a pass records the network's operations alone
            with torch.no_grad(), torch._C.DisableTorchFunction():  # noqa: SLF001
                seen[:] = [_finite(output).logical_and(*seen) if seen else _finite(output)]

    hook = network.register_forward_hook(look)
    try:
        yield
    except (Superseded, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        require_finite(network, network.prepare_all(pictures))  # then the error only follows from that
        raise
    finally:
        hook.remove()
    if not seen or not seen[0]:
        require_finite(network, network.prepare_all(pictures))
    if seen and not seen[0]:
        raise ComputationFailed(
            f"the network's output is not finite: {network.card.name} gave NaN or infinity for a picture of this job"
        )


@torch.no_grad()
def first_layer_not_finite(network: Network, pictures: Tensor) -> str:
    """Name of the first module, in the order in which they end, with an output that is not finite; `OUTPUT` if none.

    `pictures`: (N, 3, H, W) in [0, 1].
    """
    names: list[str] = []

    def look(_: nn.Module, __: Any, output: Any, name: str) -> None:
        if not _finite(output):
            names.append(name)

    with ExitStack() as hooks:
        for name, module in network.model.named_modules():
            hooks.callback(module.register_forward_hook(partial(look, name=name)).remove)
        network(pictures)
    return next(filter(None, names), OUTPUT)


def _finite(output: Any) -> Tensor:
    """Whether all values in what a module returns are finite: () bool, where the values are."""
    flags = [torch.isfinite(tensor).all() for tensor in _tensors(output)]
    return torch.stack(flags).all() if flags else torch.tensor(True)


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors in what a module returns."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from (tensor for part in output.values() for tensor in _tensors(part))
    elif isinstance(output, list | tuple):
        yield from (tensor for part in output for tensor in _tensors(part))
