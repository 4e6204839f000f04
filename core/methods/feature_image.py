"""Feature image: an image that maximizes a channel, a neuron, a logit or a direction of a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.errors import BadParameter
from core.items import Image, Item, Result, Scalar, Table
from core.method_base.judges import judgments
from core.method_base.layer_choice import (
    LayerChoice,
    depth_parameter,
    layer_by_parameter,
    layer_parameter,
    layer_values,
    sample_photos,
)
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import (
    TransformedOptimization,
    animation,
    seeds_parameter,
    sheet_image,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {"activation": ("activation", "Activation of the unit, mean over the images, transformed but at the end")}
COLUMNS = ("unit", "start", "activation for the photo", "activation for the image", "predicted class", "probability")


@dataclass(frozen=True)
class UnitObjective:
    """The maximized units of N images."""

    activation: Callable[[Tensor], Tensor]
    """Images (N, 3, H, W) -> (N,)"""
    labels: Sequence[str]
    """Name of each image's unit."""


OF_A_LAYER = {"unit": ["channel", "neuron", "direction", "caricature"]}
"""Under which a layer is read at all."""


class FeatureImage(LayerChoice, TransformedOptimization):
    """Maximizes the activation of units; all units and seeds form one batch.

    With the default values, units compare across networks: they are those of the layer at a given depth that this photo
    excites the most, compared with the sample photos.
    """

    title: ClassVar[str] = "Feature image"
    summary: ClassVar[str] = (
        "Which image excites this unit the most? An image is optimized to maximize the activation of a channel, "
        "neuron, logit or direction; with the photo as its start, the feature is drawn onto the photo."
    )
    source: ClassVar[str] = (
        "Erhan et al. 2009, technical report 1341, Université de Montréal; Olah et al. 2017, "
        "doi:10.23915/distill.00007; Fel et al. 2023, arXiv:2306.06805"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("images", "image", "Images that maximize the units"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("units", "table", "Activation of each unit, and the predicted class of its image"),
        Output("activation_before", "scalar", "Activation for the photo, mean over the units"),
        Output("activation_after", "scalar", "Activation for the images, mean over the units"),
        Output("steps", "scalar", "Optimization steps taken"),
    )

    unit: Literal["channel", "neuron", "logit", "direction", "caricature"] = parameter(
        "channel",
        "Unit: a channel (mean over all places), a neuron (a channel at the center), a logit; or the activations "
        "for the photo, averaged over all places (direction) or place by place (caricature).",
    )
    layer_by: Literal["depth", "layer"] = layer_by_parameter(OF_A_LAYER)
    depth: int = depth_parameter(OF_A_LAYER)
    layer: str = layer_parameter(OF_A_LAYER)
    first_unit: int | None = parameter(
        None, "First unit's index. Default: the units that the photo excites most, compared with the sample photos.",
        unit="", ge=0, le=100_000, when={"unit": ["channel", "neuron", "logit"]},
    )  # fmt: skip
    count: int = parameter(
        4, "Number of units.", unit="units", ge=1, le=24, when={"unit": ["channel", "neuron", "logit"]}
    )
    seeds: int = seeds_parameter(1)
    start: Literal["blank", "photo", "noise"] = parameter(
        "blank", "Start of the optimization: mid-gray, the photo, or noise."
    )
    parameterization: Literal["fourier", "phases", "pixels"] = parameter(
        "fourier",
        "Optimized variables: Fourier coefficients, which treat structure of all sizes alike; their phases only, with "
        "the magnitudes of natural photos, from any start; or pixels.",
    )
    steps: int = steps_parameter(150)

    @property
    def reads_layer(self) -> bool:
        """Whether the units are not logits."""
        return self.unit != "logit"

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such unit, in a sentence; None where it has."""
        if self.unit == "logit" and not card.class_names:
            return "This network predicts no classes: it has no logits."
        return None

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        samples = sample_photos(network)
        units = self._unit_objective(network, photo, samples)
        canvas = engine.optimization.canvas.Canvas(photo, self.start, len(units.labels), context.seed, samples)
        parameterization = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        objective = self._objective(network, units, context.seed)
        outcome = engine.optimization.optimize.descend(
            parameterization, objective, self.plan(schedule="cosine"), context
        )
        return self.result(self._items(outcome, photo, network, units))

    def _unit_objective(self, network: Network, photo: Tensor, samples: Tensor) -> UnitObjective:
        read = partial(layer_values, network, self.layer_name(network))
        objectives = engine.optimization.objectives
        if self.unit == "direction":
            along = read(photo).mean(dim=(2, 3))
            return UnitObjective(lambda images: objectives.direction(read(images), along), ["direction"] * self.seeds)
        if self.unit == "caricature":
            of_photo = read(photo)
            return UnitObjective(
                lambda images: objectives.caricature(read(images), of_photo), ["caricature"] * self.seeds
            )
        units = objectives.neurons if self.unit == "neuron" else objectives.channels
        index = self._index(units(read(photo)), units(read(samples))).repeat_interleave(self.seeds)
        names = network.card.class_names if self.unit == "logit" else ()
        labels = [names[number] if names else f"{self.unit} {number}" for number in index.tolist()]
        return UnitObjective(lambda images: objectives.selected(units(read(images)), index), labels)

    def _index(self, own: Tensor, of_samples: Tensor) -> Tensor:
        """Indices of the units, (count,), from the activations of the photo (1, C) and of the samples (N, C)."""
        available = own.shape[1]
        if self.first_unit is None:
            return engine.optimization.objectives.most_excited_units(own, of_samples, min(self.count, available))
        if self.first_unit + self.count > available:
            end = self.first_unit + self.count
            raise BadParameter(f"first_unit + count must be at most {available}, the number of units, got {end}")
        return engine.optimization.objectives.unit_range(self.first_unit, self.count, own.device)

    def _objective(self, network: Network, units: UnitObjective, seed: int) -> Objective:
        objectives = engine.optimization.objectives

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            transformed = self.transformed(picture, step, seed)
            with objectives.redirected_relu(network) if step < objectives.REDIRECTED_STEPS else nullcontext():
                activation = units.activation(transformed)
            return {"total": -activation, "activation": activation.detach()}

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, network: Network, units: UnitObjective) -> dict[str, Item]:
        images, count = outcome.picture, len(units.labels)
        before = units.activation(photo.expand(count, -1, -1, -1)).tolist()
        after = units.activation(images).tolist()
        columns = self.seeds if self.seeds > 1 else math.ceil(math.sqrt(count))
        predictions = _predictions(network, images)
        rows = [
            (label, number % self.seeds + 1, round(before[number], 6), round(after[number], 6), *predictions[number])
            for number, label in enumerate(units.labels)
        ]
        caption = f"{self.captions()['images']}: {', '.join(dict.fromkeys(units.labels))}"
        return {
            "images": sheet_image(images, columns, caption),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "animation": animation(outcome, columns),
            **engine.result_items.traces(outcome.traces, TRACES),
            "units": Table(columns=COLUMNS, rows=tuple(rows)),
            "activation_before": Scalar(value=sum(before) / count),
            "activation_after": Scalar(value=sum(after) / count),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }


def _predictions(network: Network, images: Tensor) -> list[tuple[str, float]]:
    """Predicted class and probability of each image (N, 3, H, W); '' and 0 from a network without classes."""
    if not network.card.class_names:
        return [("", 0.0)] * len(images)
    return [row[2:4] for row in judgments([network], images, "")]
