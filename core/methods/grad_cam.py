"""Grad-CAM: where in the picture the last layer with places found what speaks for the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from core import engine, networks
from core.errors import Undefined
from core.items import Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore, map_item
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class GradCam(Attribution):
    """relu(sum_k alpha_k A^k): A the layer's map, alpha_k the mean over its places of the number's gradient.

    The layer is the last one whose map has places that reach the answer. Mostly it is the last block or its norm; where
    the answer is read from a class token, the last block's other tokens reach nothing, and it is the block before.
    """

    title: ClassVar[str] = "Grad-CAM"
    summary: ClassVar[str] = (
        "Where is what speaks for the class? The channels of a late layer, each weighted by how much the class's logit "
        "rises with it, added up place by place; tokens are folded back to their grid."
    )
    source: ClassVar[str] = "Selvaraju et al. 2016, arXiv:1610.02391"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Where the layer speaks for it, linear between the layer's places"),
        ORIGINAL,
        *SCORE,
        Output("rows", "scalar", "Places of the layer's map along the height"),
        Output("columns", "scalar", "Places of the layer's map along the width"),
    )

    cam_layer: str = parameter(
        "", "Name of the layer whose map is weighted; left empty: the last one with places that reach the answer.",
        choices="layers", advanced=True,
    )  # fmt: skip

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        layer, maps, answer = self.maps(network, seen)
        context.report(1, 1)
        said = {output.name: output.caption for output in self.outputs}
        shape = dict(zip(("rows", "columns"), maps.shape[1:], strict=True))
        larger = engine.attribution.class_maps.upsampled(maps, (seen.shape[2], seen.shape[3]))[0]
        return self.result(
            seen,
            map_item(larger, f"Grad-CAM in layer {layer}", answer, unit="", signed=False),
            answer,
            **{name: Scalar(value=count, unit="places", caption=said[name]) for name, count in shape.items()},
        )

    def maps(self, network: Network, pictures: Tensor) -> tuple[str, Tensor, TargetScore]:
        """The layer, its maps (N, h, w) for pictures (N, 3, H, W), and what they explain. Raises Undefined."""
        names = [self.cam_layer] if self.cam_layer else network.layers()
        with engine.activations.recorded({name: network.layer(name) for name in names}) as outputs:
            values = self.values(network, pictures.detach().requires_grad_())
        answer = self.answer_in(network, values)
        outputs.pop(answer.explained.layer, None)  # what is explained does not explain itself
        size = (pictures.shape[2], pictures.shape[3])
        for layer, activation, gradient in _with_places(network, outputs, answer, size):
            if self.cam_layer or bool(gradient.any()):
                return layer, engine.attribution.class_maps.grad_cam(activation, gradient), answer
        raise Undefined(self._nowhere(network))

    def _nowhere(self, network: Network) -> str:
        if self.cam_layer:
            return f"Layer {self.cam_layer} of {network.card.name} has no map of places before what is explained."
        return f"No layer of {network.card.name} has a map whose places reach what is explained."


def _with_places(
    network: Network, outputs: Mapping[str, Tensor], answer: TargetScore, size: tuple[int, int]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Layers whose output has several places, the last first: name, its map (N, C, h, w) and the gradient to it."""
    for layer, output in reversed(list(outputs.items())):
        try:
            activation = networks.layout.map_of(network, layer, output, size)
        except Undefined:
            continue
        if activation.shape[2] * activation.shape[3] > 1:
            gradient = engine.attribution.backward.gradient(answer.value, output, again=True)
            yield layer, activation.detach().float(), networks.layout.map_of(network, layer, gradient, size).float()
