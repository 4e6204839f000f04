"""What a layer says inside a network, for one forward pass; no hook stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn, cast

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

    def __init__(self, output: Tensor | None = None) -> None:
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
        return cast(Tensor, reached.output)
    finally:
        hook.remove()
    raise Undefined("this layer has no part in the network's answer")


def outputs_of(layers: Mapping[str, nn.Module], run: Callable[[Tensor], object], pictures: Tensor) -> dict[str, Tensor]:
    """What each layer says of `pictures`, by its name; `run` goes only as far as the last of them.

    Raises Undefined where it does not come to all.
    """
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, layer in layers.items():

            def keep(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
                found.setdefault(name, _tensor(output))
                if len(found) == len(layers):
                    raise _ReachedError

            hooks.callback(layer.register_forward_hook(keep).remove)
        try:
            run(pictures)
        except _ReachedError:
            return found
    raise Undefined("not every one of these layers has a part in the network's answer")


def _tensor(output: Any) -> Tensor:
    tensor: Tensor = output[0] if isinstance(output, tuple | list) else output
    return tensor
