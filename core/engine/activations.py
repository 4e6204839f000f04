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


def as_map(output: Tensor, aspect: float, prefix: int = 0, *, channels_last: bool = False) -> Tensor:
    """A layer's output as a map (N, C, h, w), whatever the network's family.

    `aspect` is the input's height over its width, by which tokens (N, T, C) are folded back to their grid, the first
    `prefix` ones (class token, registers) left out; `channels_last` says of 4 dimensions that they are (N, h, w, C).
    """
    if output.ndim == 2:
        return output[:, :, None, None]
    if output.ndim == 3:
        tokens = output[:, prefix:]
        height = max(1, round((tokens.shape[1] * aspect) ** 0.5))
        return tokens.reshape(len(tokens), height, -1, tokens.shape[2]).movedim(-1, 1)
    return output.movedim(-1, 1) if channels_last else output
