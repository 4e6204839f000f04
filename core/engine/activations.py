"""What a layer says inside a network, for one forward pass; no hook stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from torch import Tensor, nn

from core.errors import Undefined


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Name -> output of each layer, filled by whatever forward pass runs inside; differentiable."""
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def keep(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
                found[name] = _tensor(output)

            hooks.callback(layer.register_forward_hook(keep).remove)
        yield found


class _ReachedError(Exception):
    """Ends a forward pass where nothing behind is asked for."""

    def __init__(self, output: Tensor) -> None:
        super().__init__("the layer was reached")
        self.output = output


def output_of(layer: nn.Module, network: nn.Module, pictures: Tensor) -> Tensor:
    """What `layer` says of `pictures`; `network` runs only as far as there. Raises Undefined if it never gets there."""

    def leave(_: nn.Module, __: Any, output: Any) -> NoReturn:
        raise _ReachedError(_tensor(output))

    hook = layer.register_forward_hook(leave)
    try:
        network(pictures)
    except _ReachedError as reached:
        return reached.output
    finally:
        hook.remove()
    raise Undefined("this layer has no part in the network's answer")


def _tensor(output: Any) -> Tensor:
    tensor: Tensor = output[0] if isinstance(output, tuple | list) else output
    return tensor
