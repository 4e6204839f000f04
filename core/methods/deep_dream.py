"""Deep dream: what a network sees in a photo already, amplified until everybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.errors import BadParameter
from core.items import Image, Item, Result, Scalar
from core.method_base.class_weights import class_problem
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
    as_declared,
    class_parameter,
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
    sample_photos,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome, Plan
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {"activation": ("activation", "What is driven up, mean of all parts of the picture at this step's size")}

Aim = Callable[["Tensor", int], "Tensor"]
"""Parts of the picture (T, 3, h, w) and the step -> what is driven up, (T,)."""


class DeepDream(Method):
    """Gradient ascent on mean Phi_l^2, a channel or a class, from coarse to fine, over a picture larger than the input.

    The network sees the picture at growing sizes, shifted at random before each step and cut into parts of its own
    input size, all of which go through it in one pass.
    """

    title: ClassVar[str] = "Deep dream"
    summary: ClassVar[str] = (
        "What does the network see in this photo already? "
        "Whatever excites a layer, a channel or a class is amplified, from coarse to fine."
    )
    source: ClassVar[str] = (
        "Mordvintsev, Olah, Tyka, 'Inceptionism', 2015: ascent on a layer's mean square, normalized and smoothed "
        "gradient, octaves, random shifts; a random class at each step as in the talk on root causes"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("dream", "image", "The dream"),
        Output("original", "image", "The photo at the same size"),
        Output("animation", "animation", "From the photo to the dream"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "The network's answers for the whole picture before and after"),
        Output("activation_before", "scalar", "What is driven up, for the photo at its final size"),
        Output("activation_after", "scalar", "What was driven up, for the dream"),
        Output("steps", "scalar", "Steps that were taken"),
    )

    objective: Literal["layer", "channel", "class", "random class"] = parameter(
        "layer", "Amplify all that a layer says, one channel of it, a class, or another random class at each step."
    )
    layer_by: Literal["depth", "layer"] = layer_by_parameter({"objective": ["layer", "channel"]})
    depth: int = depth_parameter(50)
    layer: str = layer_parameter()
    channel: int | None = parameter(
        None,
        "Number of the channel; left empty: the one that the photo excites the most above the sample photos.",
        unit="",
        ge=0,
        le=100_000,
        when={"objective": ["channel"]},
    )
    class_name: str = class_parameter({"objective": ["class"]})
    start: Literal["photo", "noise"] = parameter("photo", "Begin with the photo, or with noise.")
    output_scale: float = parameter(
        3.0, "Side of the picture; the network's own input has side 1.", unit="inputs", ge=1, le=6
    )
    octaves: int = parameter(3, "Sizes at which the picture is seen, one after the other.", unit="sizes", ge=1, le=8)
    steps: int = steps_parameter(60)
    learning_rate: float = learning_rate_parameter(0.012, "Root mean square of a step; a pixel's range is 1.")
    smooth_gradient: bool = parameter(
        default=True, description="Smooth the gradient, so that single pixels do not outweigh structure.", advanced=True
    )
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    _names_a_layer = names_a_layer(lambda method: method.objective in {"layer", "channel"})

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes cannot dream of one."""
        if not card.class_names:
            return "This network gives no classes to dream of." if "class" in self.objective else None
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0], self.output_scale)[
            None
        ].contiguous()  # (1, 3, H, W), larger than the input
        whole = network.prepare(pictures[0])[None]
        begin = engine.optimization.starts.STARTS[self.start](photo, context.seed)
        sheet = engine.optimization.parameterizations.pixel_parameterization(begin, engine.ranges.clamp)
        objective = self._objective(network, self._aim(network, whole, context.seed), photo, context.seed)
        outcome = engine.optimization.optimize.descend(sheet, objective, self._plan(), context)
        return Result(as_declared(self._items(outcome, photo, whole, network, objective), self.outputs))

    def _plan(self) -> Plan:
        change = (
            engine.optimization.gradients.smoothed if self.smooth_gradient else engine.optimization.gradients.normalized
        )
        return plan(self, optimizer="sgd", gradient=change)

    def _aim(self, network: Network, whole: Tensor, seed: int) -> Aim:
        objectives = engine.optimization.objectives
        if self.objective == "random class":
            count = len(network.card.class_names)
            return lambda parts, step: network(parts).float()[
                :, engine.optimization.transforms.number_at(step, seed, count)
            ]
        if self.objective == "class":
            index = self._class(network, whole)
            return lambda parts, _: network(parts).float()[:, index]
        read = partial(layer_values, network, layer_name(network, self.layer_by, self.depth, self.layer))
        if self.objective == "layer":
            return lambda parts, _: objectives.layer(read(parts))
        channel = self._channel(network, objectives.channels(read(whole)), read)
        return lambda parts, _: objectives.channels(read(parts))[:, channel]

    def _class(self, network: Network, whole: Tensor) -> int:
        return network.class_index(self.class_name) if self.class_name else int(network(whole).argmax())

    def _channel(self, network: Network, own: Tensor, read: Callable[[Tensor], Tensor]) -> int:
        """The channel's number; `own` (1, C) is what the photo says."""
        if self.channel is None:
            examples = sample_photos(network)
            return int(
                engine.optimization.objectives.most_excited_units(
                    own, engine.optimization.objectives.channels(read(examples)), 1
                )
            )
        if self.channel >= own.shape[1]:
            raise BadParameter(f"channel must be 0 to {own.shape[1] - 1} in this layer, got {self.channel}")
        return self.channel

    def _objective(self, network: Network, aim: Aim, photo: Tensor, seed: int) -> Objective:
        window = network.card.input_px
        height, width = photo.shape[2:]
        sizes = engine.optimization.octaves.octave_sizes(window, (height, width), self.octaves)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            size = sizes[min(step * self.octaves // self.steps, self.octaves - 1)]
            parts = engine.optimization.octaves.random_windows(
                picture, size, window, engine.optimization.transforms.generator_at(step, seed)
            )
            excited = aim(parts, step).mean()[None]
            return {"total": -excited, "activation": excited.detach()}

        return objective

    def _items(
        self, outcome: Outcome, photo: Tensor, whole: Tensor, network: Network, objective: Objective
    ) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        before = objective(photo, self.steps)["activation"]  # seen as large as the dream at the end
        shares = {"activation_before": float(before), "activation_after": float(outcome.traces["activation"][-1])}
        left = engine.ranges.resized(outcome.picture, network.card.input_px)
        names = network.card.class_names
        return {
            "dream": Image(pixels=engine.ranges.to_pixels(outcome.picture), caption=said["dream"]),
            "original": Image(pixels=engine.ranges.to_pixels(photo), caption=said["original"]),
            "animation": animation(outcome, 1, said["animation"]),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(network(whole)[0], network(left)[0], names, said["predictions"]),
            **{key: Scalar(value=value, caption=said[key]) for key, value in shares.items()},
            "steps": Scalar(value=outcome.steps, unit="steps", caption=said["steps"]),
        }
