"""Saliency: which pixels change the answer the most when they change the least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Map, Result
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, TargetScore, map_item
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network


class Saliency(Attribution):
    """|d z / d x|, maximum over the colors; or sum over the colors of x * d z / d x, signed."""

    title: ClassVar[str] = "Saliency"
    summary: ClassVar[str] = (
        "To which pixels is the answer the most sensitive? The gradient of the class's logit, or of any channel or "
        "neuron, to the pixels of the picture."
    )
    source: ClassVar[str] = (
        "Simonyan et al. 2013, arXiv:1312.6034: max over colors of |dz/dx|; "
        "Shrikumar et al. 2016, arXiv:1605.01713 (gradient times input)"
    )
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "How much the answer changes with each pixel"),
        ORIGINAL,
        *SCORE,
    )

    form: Literal["gradient", "gradient times input"] = parameter(
        "gradient",
        "The greatest absolute gradient of the three colors; or the gradient times the picture, summed over the "
        "colors: what each pixel adds, signed, black adding nothing.",
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        maps, answer = self.maps(network, seen)
        context.report(1, 1)
        return self.result(seen, self._item(maps[0], answer), answer)

    def maps(self, network: Network, pictures: Tensor) -> tuple[Tensor, TargetScore]:
        """Maps (N, H, W) of pictures (N, 3, H, W), and what they explain."""
        pixels = pictures.detach().requires_grad_()
        answer = self.answer(network, pixels)
        gradient = engine.attribution.backward.gradient(answer.value, pixels)
        if self.form == "gradient":
            return engine.attribution.backward.strongest_color(gradient), answer
        return (gradient * pictures).sum(dim=1), answer

    def _item(self, values: Tensor, answer: TargetScore) -> Map:
        if self.form == "gradient":
            return map_item(values, "Greatest absolute gradient of the colors", answer, unit=" / range", signed=False)
        return map_item(values, "Gradient times picture, sum of the colors", answer, unit="", signed=True)
