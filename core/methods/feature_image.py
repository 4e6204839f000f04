"""Feature image: what a channel, a neuron, a logit or a direction of a layer likes to see."""

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
from core.method_base.judges import verdicts
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    LOGITS,
    animation,
    as_declared,
    depth_parameter,
    frames_parameter,
    jitter_parameter,
    layer_by_parameter,
    layer_name,
    layer_parameter,
    layer_values,
    learning_rate_parameter,
    names_a_layer,
    plan,
    precision_parameter,
    rotate_parameter,
    sample_photos,
    scale_parameter,
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

TRACES = {"activation": ("activation", "Activation of the units, mean of the pictures")}
COLUMNS = ("unit", "start", "activation for the photo", "activation for the picture", "the network sees", "probability")


@dataclass(frozen=True)
class Aim:
    """What is driven up."""

    activation: Callable[[Tensor], Tensor]
    """Pictures (N, 3, H, W) -> (N,)"""
    labels: Sequence[str]
    """Of each of the N pictures"""


class FeatureImage(Method):
    """Maximizes the activation of units; a batch of units and seeds goes through the network in one pass.

    By depth, channels and starts mean the same in every network: the layer at so many percent of its blocks, and the
    channels that this photo excites further above the sample photos than others.
    """

    title: ClassVar[str] = "Feature image"
    summary: ClassVar[str] = (
        "What does this layer like? A picture is made that excites a unit of it the most; "
        "from a photo, the feature is drawn onto it."
    )
    source: ClassVar[str] = (
        "Erhan et al. 2009; Olah, Mordvintsev, Schubert, Distill 2017 (waves, moves); "
        "Fel et al. 2023, arXiv:2306.06805 (magnitudes fixed, phases learned)"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("images", "image", "The pictures that excite the units the most"),
        Output("original", "image", "The photo as the network sees it"),
        Output("animation", "animation", "How the pictures came to be"),
        *trace_outputs(TRACES),
        Output("units", "table", "Activation of each unit, and what the network sees in its picture"),
        Output("activation_before", "scalar", "Activation for the photo, mean of the units"),
        Output("activation_after", "scalar", "Activation for the pictures, mean"),
        Output("steps", "scalar", "Steps that were taken"),
    )

    unit: Literal["channel", "neuron", "logit", "direction", "caricature"] = parameter(
        "channel",
        "A channel everywhere, a channel in the middle, a logit; or what the photo says in this layer: the mean over "
        "all places (direction), or place by place (caricature).",
    )
    layer_by: Literal["depth", "layer"] = layer_by_parameter()
    depth: int = depth_parameter(50)
    layer: str = layer_parameter()
    first_unit: int | None = parameter(
        None,
        "Number of the first unit; left empty: those that the photo excites the most above the sample photos.",
        unit="",
        ge=0,
        le=100_000,
        when={"unit": ["channel", "neuron", "logit"]},
    )
    count: int = parameter(
        4, "Units side by side.", unit="units", ge=1, le=24, when={"unit": ["channel", "neuron", "logit"]}
    )
    seeds: int = seeds_parameter(1)
    start: Literal["blank", "photo", "noise"] = parameter(
        "blank", "Begin with a mid-gray sheet, with the photo, or with noise."
    )
    parameterization: Literal["fourier", "phases", "pixels"] = parameter(
        "fourier",
        "Move waves, so that structure of every size grows alike; only the phases of waves as strong as in photos, "
        "whatever the start; or single pixels.",
    )
    steps: int = steps_parameter(150)
    jitter: float = jitter_parameter(0.06)
    scale: float = scale_parameter(0.1)
    rotate: float = rotate_parameter(8.0)
    learning_rate: float = learning_rate_parameter(0.05)
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    _names_a_layer = names_a_layer(lambda method: method.unit != "logit")

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes has no logits."""
        if self.unit == "logit" and not card.class_names:
            return "This network gives no classes: it has no logit to excite."
        return None

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        examples = sample_photos(network)
        aim = self._aim(network, photo, examples)
        canvas = engine.optimization.canvas.Canvas(photo, self.start, len(aim.labels), context.seed, examples)
        sheet = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        objective = self._objective(network, aim, context.seed)
        outcome = engine.optimization.optimize.descend(sheet, objective, plan(self, schedule="cosine"), context)
        return Result(as_declared(self._items(outcome, photo, network, aim), self.outputs))

    def _aim(self, network: Network, photo: Tensor, examples: Tensor) -> Aim:
        layer = LOGITS if self.unit == "logit" else layer_name(network, self.layer_by, self.depth, self.layer)
        read = partial(layer_values, network, layer)
        objectives = engine.optimization.objectives
        if self.unit == "direction":
            along = read(photo).mean(dim=(2, 3))
            return Aim(lambda pictures: objectives.direction(read(pictures), along), ["direction"] * self.seeds)
        if self.unit == "caricature":
            there = read(photo)
            return Aim(lambda pictures: objectives.caricature(read(pictures), there), ["caricature"] * self.seeds)
        units = objectives.neurons if self.unit == "neuron" else objectives.channels
        index = self._index(units(read(photo)), units(read(examples))).repeat_interleave(self.seeds)
        names = network.card.class_names if self.unit == "logit" else ()
        labels = [names[number] if names else f"{self.unit} {number}" for number in index.tolist()]
        return Aim(lambda pictures: objectives.selected(units(read(pictures)), index), labels)

    def _index(self, own: Tensor, others: Tensor) -> Tensor:
        """The units, (count,): by number, or those that the photo (1, C) excites above the others (N, C)."""
        there = own.shape[1]
        if self.first_unit is None:
            return engine.optimization.objectives.most_excited_units(own, others, min(self.count, there))
        if self.first_unit + self.count > there:
            raise BadParameter(
                f"first_unit + count must be at most {there}, the units here, got {self.first_unit + self.count}"
            )
        return engine.optimization.objectives.unit_range(self.first_unit, self.count, own.device)

    def _objective(self, network: Network, aim: Aim, seed: int) -> Objective:
        moves = engine.optimization.transforms.RandomTransforms(self.jitter, self.scale, self.rotate)
        objectives = engine.optimization.objectives

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            moved = engine.optimization.transforms.transformed_at(step, picture, moves, seed)
            with objectives.redirected_relu(network) if step < objectives.REDIRECTED_STEPS else nullcontext():
                activation = aim.activation(moved)
            return {"total": -activation, "activation": activation.detach()}

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, network: Network, aim: Aim) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        pictures, count = outcome.picture, len(aim.labels)
        before = aim.activation(photo.expand(count, -1, -1, -1)).tolist()
        after = aim.activation(pictures).tolist()
        columns = self.seeds if self.seeds > 1 else math.ceil(math.sqrt(count))
        seen = (
            [row[2:4] for row in verdicts([network], pictures, "")] if network.card.class_names else [("", 0.0)] * count
        )
        rows = [
            (label, number % self.seeds + 1, round(before[number], 6), round(after[number], 6), *seen[number])
            for number, label in enumerate(aim.labels)
        ]
        means = {"activation_before": sum(before) / count, "activation_after": sum(after) / count}
        return {
            "images": sheet_image(pictures, columns, f"{said['images']}: {', '.join(dict.fromkeys(aim.labels))}"),
            "original": Image(pixels=engine.ranges.to_pixels(photo), caption=said["original"]),
            "animation": animation(outcome, columns, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "units": Table(columns=COLUMNS, rows=tuple(rows), caption=said["units"]),
            **{key: Scalar(value=value, caption=said[key]) for key, value in means.items()},
            "steps": Scalar(value=outcome.steps, unit="steps", caption=said["steps"]),
        }
