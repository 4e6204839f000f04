"""Inversion: an image that a layer cannot distinguish from the photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Image, Item, Map, Result, Scalar
from core.method_base.layer_choice import LayerChoice, layer_values
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import PictureOptimization, animation, trace_outputs

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Total loss"),
    "distance": ("share", "Squared distance in the layer, relative to the photo's squared activations"),
    "total_variation": ("mean difference", "Total variation of the image"),
}


class Inversion(LayerChoice, PictureOptimization):
    """Minimizes |Phi(x) - Phi(x0)|^2 / |Phi(x0)|^2 + total_variation TV(x) + alpha_norm mean |2 x - 1|^6.

    Phi is the layer's map, x0 the photo.
    """

    title: ClassVar[str] = "Inversion"
    summary: ClassVar[str] = (
        "Which information does this layer preserve? An image is optimized, from a blank start or noise, until the "
        "layer cannot distinguish it from the photo; details that it lacks are lost in the layer."
    )
    source: ClassVar[str] = "Mahendran and Vedaldi 2014, arXiv:1412.0035"
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("inverted", "image", "Image reconstructed from the layer"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("difference", "map", "Difference: mean over colors of |photo - image|"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "Predictions for the photo and for the image"),
        Output("distance", "scalar", "Remaining squared distance in the layer, relative to the photo's activations"),
        Output("picture_error", "scalar", "Root mean square difference to the photo, for pixels with range 1"),
        Output("steps", "scalar", "Optimization steps taken"),
    )

    start: Literal["blank", "noise"] = parameter("blank", "Start of the optimization: mid-gray or noise.")
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Optimized variables: Fourier coefficients, which treat structure of all sizes alike, or pixels."
    )
    total_variation: float = parameter(
        0.05, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )
    alpha_norm: float = parameter(
        0.01, "Weight of the alpha norm, which penalizes extreme pixel values.", unit="", ge=0, le=1e4, advanced=True
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        canvas = engine.optimization.canvas.Canvas(photo, self.start, 1, context.seed, photo)
        parameterization = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        objective = self._objective(network, photo)
        outcome = engine.optimization.optimize.descend(
            parameterization, objective, self.plan(schedule="cosine"), context
        )
        return self.result(self._items(outcome, photo, network))

    def _objective(self, network: Network, photo: Tensor) -> Objective:
        objectives = engine.optimization.objectives
        read = partial(layer_values, network, self.layer_name(network))
        of_photo = read(photo)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:  # noqa: ARG001
            distance = objectives.inversion(read(picture), of_photo)
            variation = objectives.total_variation(picture)
            norm = (2 * picture - 1).square().pow(3).mean(dim=(1, 2, 3))  # faster than the sixth power
            return {
                "total": distance + self.total_variation * variation + self.alpha_norm * norm,
                "distance": distance.detach(),
                "total_variation": variation.detach(),
            }

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, network: Network) -> dict[str, Item]:
        difference = (photo - outcome.picture).abs()
        before, after = network(photo), network(outcome.picture)
        return {
            "inverted": Image(pixels=engine.ranges.to_pixels(outcome.picture)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "difference": Map(values=difference.mean(dim=1)[0].cpu().numpy(), unit="of the range"),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(before[0], after[0], network.card.class_names),
            "distance": self._distance(outcome, photo, network),
            "picture_error": Scalar(value=float(difference.square().mean().sqrt())),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }

    def _distance(self, outcome: Outcome, photo: Tensor, network: Network) -> Scalar:
        """The last distance; without activations for the photo, it is relative to nothing."""
        if not layer_values(network, self.layer_name(network), photo).any():
            return Scalar(value=None, unit="share", reason="the layer is silent for the photo")
        return Scalar(value=float(outcome.traces["distance"][-1]), unit="share")
