"""Grad-CAM: the channels of a late layer, weighted by the gradient of the score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from core import engine, networks
from core.errors import Undefined
from core.items import Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore, map_item, score_items
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class GradCam(Attribution):
    """relu(sum_k alpha_k A^k): A the layer's map, alpha_k the mean over its places of the score's gradient.

    By default, the layer is the last one whose map has places with a gradient. Mostly this is the last block or its
    norm; where a class token is classified, the other tokens of the last block have none, and it is the block before.
    """

    title: ClassVar[str] = "Grad-CAM"
    summary: ClassVar[str] = (
        "Which regions support the class? The channels of a late layer are weighted by the gradient of the class's "
        "logit and summed place by place; tokens are folded back to their grid."
    )
    source: ClassVar[str] = "Selvaraju et al. 2016, arXiv:1610.02391"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Evidence for the target in the layer, linear between its places"),
        ORIGINAL,
        *SCORE,
        Output("rows", "scalar", "Height of the layer's map"),
        Output("columns", "scalar", "Width of the layer's map"),
    )

    cam_layer: str = parameter(
        "", "Layer whose channels are weighted. Default: the last one with places and a gradient.", choices="layers",
        advanced=True,
    )  # fmt: skip

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        layer, maps, score = self.maps(network, inputs)
        context.report(1, 1)
        upsampled = engine.attribution.class_maps.upsampled(maps, (inputs.shape[2], inputs.shape[3]))[0]
        return self.result(
            score_items(inputs, score)
            | {
                "attribution": map_item(upsampled, f"Grad-CAM in layer {layer}", score, unit="", signed=False),
                "rows": Scalar(value=maps.shape[1], unit="places"),
                "columns": Scalar(value=maps.shape[2], unit="places"),
            }
        )

    def maps(self, network: Network, pictures: Tensor) -> tuple[str, Tensor, TargetScore]:
        """The layer, maps (N, h, w) for pictures (N, 3, H, W), and the scores that they explain. Raises Undefined."""
        if self.cam_layer:
            network.layer(self.cam_layer)
            networks.places.places_of(network, self.cam_layer)  # says why, where it has no map
        names = [self.cam_layer] if self.cam_layer else network.layers()
        with engine.activations.recorded({name: network.layer(name) for name in names}) as outputs:
            values = self.values(network, pictures.detach().requires_grad_())
        score = self.score_from(network, values)
        outputs.pop(score.target.layer, None)  # a unit does not explain itself
        size = (pictures.shape[2], pictures.shape[3])
        for layer, activation, gradient in _spatial_layers(network, outputs, score, size):
            if self.cam_layer or bool(gradient.any()):
                return layer, engine.attribution.class_maps.grad_cam(activation, gradient), score
        raise Undefined(self._problem(network))

    def _problem(self, network: Network) -> str:
        if self.cam_layer:
            return f"Layer {self.cam_layer} of {network.card.name} has no map of places before the target."
        return f"No layer of {network.card.name} has a map of places with a gradient of the target."


def _spatial_layers(
    network: Network, outputs: Mapping[str, Any], score: TargetScore, size: tuple[int, int]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Name, map (N, C, h, w) and gradient, of the same shape, of layers with more than one place, the last first."""
    for layer, output in reversed(list(outputs.items())):
        if not networks.layout.has_map(network, layer):
            continue
        activation = networks.layout.map_of(network, layer, output, size)
        if activation.shape[2] * activation.shape[3] > 1:
            values = networks.layout.values_of(network, layer, output)
            gradient = engine.attribution.backward.gradient(score.value, values, retain_graph=True)
            yield layer, activation.detach().float(), networks.layout.map_of(network, layer, gradient, size).float()
