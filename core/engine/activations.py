"""Outputs of layers inside a network, for one forward pass; no hook stays behind.

An output is what the module returns: a tensor, or tuples, lists and dictionaries of tensors, of which
`core.networks.layout.values_of` picks the one with places of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from torch import Tensor, nn

from core.errors import Undefined


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Name -> output of each layer's first call, filled by the forward pass that runs inside; differentiable."""
    outputs: dict[str, Any] = {}
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def record(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
                outputs.setdefault(name, output)

            hooks.callback(layer.register_forward_hook(record).remove)
        yield outputs


class _ReachedError(Exception):
    """Ends a forward pass once all layers that are needed have run."""

    def __init__(self, output: Any = None) -> None:
        super().__init__("the layer was reached")
        self.output = output


def output_of(layer: nn.Module, network: nn.Module, pictures: Tensor) -> Any:
    """Output of `layer` for `pictures` (N, 3, H, W); `network` runs only as far as that layer.

    Raises Undefined where the forward pass never reaches the layer.
    """

    def stop(_: nn.Module, __: Any, output: Any) -> NoReturn:
        raise _ReachedError(output)

    hook = layer.register_forward_hook(stop)
    try:
        network(pictures)
    except _ReachedError as reached:
        return reached.output
    finally:
        hook.remove()
    raise Undefined("this layer has no part in the network's prediction")


def outputs_of(layers: Mapping[str, nn.Module], run: Callable[[Tensor], object], pictures: Tensor) -> dict[str, Any]:
    """Name -> output of each layer for `pictures` (N, 3, H, W); `run` goes only as far as the last of them.

    Raises Undefined where the forward pass does not reach all of them.
    """
    outputs: dict[str, Any] = {}
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def record(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
                outputs.setdefault(name, output)
                if len(outputs) == len(layers):
                    raise _ReachedError

            hooks.callback(layer.register_forward_hook(record).remove)
        try:
            run(pictures)
        except _ReachedError:
            return outputs
    raise Undefined("some of these layers have no part in the network's prediction")
