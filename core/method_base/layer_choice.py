"""Methods that read a layer of the network: its parameters, its name, and its values as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine, networks
from core.media.samples import sample, sample_names
from core.method_base.method import Method, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.networks.network import Network

LOGITS = ""
"""In place of a layer's name: the logits."""

When = Mapping[str, Sequence[Any]]
"""Parameter -> its values under which another parameter has an effect."""


def layer_by_parameter(when: When | None = None) -> Any:
    """The parameter `layer_by`."""
    description = "Select the layer by its depth, which compares across networks, or by its name."
    return parameter("depth", description, when=when)


def depth_parameter(when: When | None = None) -> Any:
    """The parameter `depth`; `when` in addition to `layer_by`."""
    conditions = {**(when or {}), "layer_by": ["depth"]}
    return parameter(50, "Layer depth, % of blocks.", unit="%", ge=1, le=100, when=conditions)


def layer_parameter(when: When | None = None) -> Any:
    """The parameter `layer`; `when` in addition to `layer_by`."""
    return parameter("", "Layer name.", choices="layers", when={**(when or {}), "layer_by": ["layer"]})


class LayerChoice(Method):
    """A method that reads one layer, selected by depth or by name.

    One that reads it under certain values of its other parameters only declares the three fields again, with these
    conditions, and overrides `reads_layer`.
    """

    shared: ClassVar[bool] = True
    leading: ClassVar[bool] = True

    layer_by: Literal["depth", "layer"] = layer_by_parameter()
    depth: int = depth_parameter()
    layer: str = layer_parameter()

    @model_validator(mode="after")
    def _layer_is_named(self) -> Self:
        if self.reads_layer and self.layer_by == "layer" and not self.layer:
            raise ValueError("layer must be named where layer_by is 'layer', got none")
        return self

    @property
    def reads_layer(self) -> bool:
        """Whether a layer is read, and not the logits."""
        return True

    def layer_name(self, network: Network) -> str:
        """Name of the selected layer; `LOGITS` where none is read. Raises BadParameter for an unknown name."""
        if not self.reads_layer:
            return LOGITS
        if self.layer_by == "depth":
            return networks.layout.layer_at(network, self.depth / 100)
        network.layer(self.layer)
        return self.layer


def layer_values(network: Network, layer: str, pictures: Tensor) -> Tensor:
    """Output of a layer for pictures (N, 3, H, W) as a map (N, C, h, w), differentiable; logits are a 1 x 1 map.

    The network runs no further than the layer. Raises Undefined where the output is no map.
    """
    if layer == LOGITS:
        logits: Tensor = network(pictures).float()
        return logits[:, :, None, None]
    output = engine.activations.output_of(network.model.get_submodule(layer), network, pictures)
    height, width = pictures.shape[2:]
    return networks.layout.map_of(network, layer, output, (height, width)).float()


def sample_photos(network: Network) -> Tensor:
    """The sample photos at the network's input size, (N, 3, H, W): the reference for how much a unit is excited."""
    return network.prepare_all([sample(name) for name in sample_names()])
