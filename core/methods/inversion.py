"""Inversion: a picture that a layer cannot tell from the photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Image, Item, Map, Result, Scalar
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
    as_declared,
    depth_parameter,
    frames_parameter,
    layer_by_parameter,
    layer_name,
    layer_parameter,
    layer_values,
    learning_rate_parameter,
    names_a_layer,
    plan,
    precision_parameter,
    steps_parameter,
    trace_outputs,
)

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Whole loss"),
    "distance": ("share", "Squared distance of the layer's values, as a share of the photo's square"),
    "total_variation": ("mean difference", "Total variation of the picture"),
}


class Inversion(Method):
    """Minimizes |Phi(x) - Phi(x0)|^2 / |Phi(x0)|^2 + variation TV(x) + bound mean |2 x - 1|^6, Phi the layer's map."""

    title: ClassVar[str] = "Inversion"
    summary: ClassVar[str] = (
        "What does this layer still know? A picture is made, from nothing, that the layer cannot tell from the photo; "
        "what it lacks, the layer has forgotten."
    )
    source: ClassVar[str] = (
        "Mahendran and Vedaldi 2014, arXiv:1412.0035: min |Phi(x) - Phi(x0)|^2 / |Phi(x0)|^2 + alpha-norm + "
        "total variation"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("inverted", "image", "The picture that says the same to the layer"),
        Output("original", "image", "The photo as the network sees it"),
        Output("difference", "map", "What differs: mean over colors of |photo - picture|"),
        Output("animation", "animation", "How the picture came to be"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "The network's answers for the photo and for the picture"),
        Output("distance", "scalar", "Squared distance that is left in the layer, as a share of the photo's square"),
        Output("picture_error", "scalar", "Root mean square of the difference of the pictures, of a range of 1"),
        Output("steps", "scalar", "Steps that were taken"),
    )

    layer_by: Literal["depth", "layer"] = layer_by_parameter()
    depth: int = depth_parameter(50)
    layer: str = layer_parameter()
    start: Literal["blank", "noise"] = parameter("blank", "Begin with a mid-gray sheet, or with noise.")
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Move waves, so that structure of every size grows alike, or single pixels."
    )
    steps: int = steps_parameter(200)
    total_variation: float = parameter(
        0.05, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )
    alpha_norm: float = parameter(
        0.01, "Weight of the alpha norm, which keeps values from the ends.", unit="", ge=0, le=1e4, advanced=True
    )
    learning_rate: float = learning_rate_parameter(0.05)
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    _names_a_layer = names_a_layer()

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        canvas = engine.optimization.canvas.Canvas(photo, self.start, 1, context.seed, photo)
        sheet = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        outcome = engine.optimization.optimize.descend(
            sheet, self._objective(network, photo), plan(self, schedule="cosine"), context
        )
        return Result(as_declared(self._items(outcome, photo, network), self.outputs))

    def _objective(self, network: Network, photo: Tensor) -> Objective:
        objectives = engine.optimization.objectives
        read = partial(layer_values, network, layer_name(network, self.layer_by, self.depth, self.layer))
        there = read(photo)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:  # noqa: ARG001
            distance = objectives.inversion(read(picture), there)
            variation = objectives.total_variation(picture)
            norm = (2 * picture - 1).square().pow(3).mean(dim=(1, 2, 3))  # faster than the sixth power
            return {
                "total": distance + self.total_variation * variation + self.alpha_norm * norm,
                "distance": distance.detach(),
                "total_variation": variation.detach(),
            }

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, network: Network) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        difference = (photo - outcome.picture).abs()
        before, after = network(photo), network(outcome.picture)
        shares = {
            "distance": (float(outcome.traces["distance"][-1]), "share"),
            "picture_error": (float(difference.square().mean().sqrt()), ""),
            "steps": (outcome.steps, "steps"),
        }
        return {
            "inverted": Image(pixels=engine.ranges.to_pixels(outcome.picture), caption=said["inverted"]),
            "original": Image(pixels=engine.ranges.to_pixels(photo), caption=said["original"]),
            "difference": Map(
                values=difference.mean(dim=1)[0].cpu().numpy(), unit="of the range", caption=said["difference"]
            ),
            "animation": animation(outcome, 1, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(
                before[0], after[0], network.card.class_names, said["predictions"]
            ),
            **{key: Scalar(value=value, unit=unit, caption=said[key]) for key, (value, unit) in shares.items()},
        }
