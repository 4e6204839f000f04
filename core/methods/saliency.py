"""Saliency: the gradient of the score with respect to the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Map, Result
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore, map_item, score_items
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class Saliency(Attribution):
    """Maximum over the colors of |d z / d x|, or sum over the colors of x * d z / d x, which is signed."""

    title: ClassVar[str] = "Saliency"
    summary: ClassVar[str] = (
        "To which pixels is the prediction most sensitive? The map is the gradient of the logit, or of any channel "
        "or neuron, with respect to the pixels."
    )
    source: ClassVar[str] = "Simonyan et al. 2013, arXiv:1312.6034; Shrikumar et al. 2016, arXiv:1605.01713"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Gradient of the score with respect to each pixel"),
        ORIGINAL,
        *SCORE,
    )

    form: Literal["gradient", "gradient times input"] = parameter(
        "gradient",
        "Magnitude of the gradient, maximum over the colors; or gradient times input, summed over the colors: the "
        "signed contribution of each pixel relative to black.",
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        maps, score = self.maps(network, inputs)
        context.report(1, 1)
        return self.result(score_items(inputs, score) | {"attribution": self._map_item(maps[0], score)})

    def maps(self, network: Network, pictures: Tensor) -> tuple[Tensor, TargetScore]:
        """Maps (N, H, W) of pictures (N, 3, H, W), and the scores that they explain."""
        pixels = pictures.detach().requires_grad_()
        score = self.score(network, pixels)
        gradient = engine.attribution.backward.gradient(score.value, pixels)
        if self.form == "gradient":
            return engine.attribution.backward.strongest_color(gradient), score
        return (gradient * pictures).sum(dim=1), score

    def _map_item(self, values: Tensor, score: TargetScore) -> Map:
        if self.form == "gradient":
            caption = "Magnitude of the gradient, maximum over the colors"
            return map_item(values, caption, score, unit=" / range", signed=False)
        return map_item(values, "Gradient times input, sum over the colors", score, unit="", signed=True)
