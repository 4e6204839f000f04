"""What a layer says inside a network, for one forward pass; no hook stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Name -> output of each layer, filled by whatever forward pass runs inside; differentiable."""
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def keep(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
                found[name] = output[0] if isinstance(output, tuple | list) else output

            hooks.callback(layer.register_forward_hook(keep).remove)
        yield found
