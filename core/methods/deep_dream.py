"""Deep dream: whatever excites a network in a photo, amplified until it is visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.errors import BadParameter
from core.items import Image, Item, Result, Scalar
from core.method_base.class_weights import class_parameter, class_problem
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
    PictureOptimization,
    animation,
    learning_rate_parameter,
    steps_parameter,
    trace_outputs,
)
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome, Plan
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {"activation": ("activation", "Maximized activation, mean over the windows at the current size")}

WindowScore = Callable[["Tensor", int], "Tensor"]
"""(windows (T, 3, h, w), step) -> maximized value of each, (T,)."""

OF_A_LAYER = {"objective": ["layer", "channel"]}
"""Under which a layer is read at all."""


class DeepDream(LayerChoice, PictureOptimization):
    """Gradient ascent on mean Phi_l^2, a channel or a class, from coarse to fine, for a picture larger than the input.

    The network reads the picture at growing sizes, randomly shifted before each step and cut into windows of its input
    size, which form one batch. The gradient is normalized, and smoothed by default. A random class at each step is the
    variant of the talk.
    """

    title: ClassVar[str] = "Deep dream"
    summary: ClassVar[str] = (
        "What does the network detect in this photo? Whatever excites a layer, a channel or a class is amplified, from "
        "coarse to fine."
    )
    source: ClassVar[str] = (
        "Mordvintsev et al. 2015, Inceptionism (Google Research blog); Search for root causes (talk in Ukrainian)"
    )
    family: ClassVar[MethodFamily] = "optimization"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("dream", "image", "Result of deep dream"),
        Output("original", "image", "Input photo at the same size"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("predictions", "table", "Predictions before and after for the whole picture, resized to the input"),
        Output("activation_before", "scalar", "Maximized activation for the photo at its final size"),
        Output("activation_after", "scalar", "Maximized activation for the result"),
        Output("steps", "scalar", "Optimization steps taken"),
    )

    objective: Literal["layer", "channel", "class", "random class"] = parameter(
        "layer", "Maximize the activations of a layer, a channel, a class, or another random class at each step."
    )
    layer_by: Literal["depth", "layer"] = layer_by_parameter(OF_A_LAYER)
    depth: int = depth_parameter(OF_A_LAYER)
    layer: str = layer_parameter(OF_A_LAYER)
    channel: int | None = parameter(
        None, "Channel index. Default: the channel that the photo excites the most, compared with the sample photos.",
        unit="", ge=0, le=100_000, when={"objective": ["channel"]},
    )  # fmt: skip
    class_name: str = class_parameter({"objective": ["class"]})
    start: Literal["photo", "noise"] = parameter("photo", "Start of the optimization: the photo or noise.")
    output_scale: float = parameter(
        3.0, "Side of the result, relative to the network's input.", unit="inputs", ge=1, le=6
    )
    octaves: int = parameter(3, "Sizes at which the picture is optimized in turn.", unit="sizes", ge=1, le=8)
    steps: int = steps_parameter(60)
    learning_rate: float = learning_rate_parameter(0.012, "Root mean square of a step, for pixels with range 1.")
    smooth_gradient: bool = parameter(
        default=True, description="Smooth the gradient, so that noise on single pixels is suppressed.", advanced=True
    )

    @property
    def reads_layer(self) -> bool:
        """Whether a layer or a channel is maximized."""
        return self.objective in {"layer", "channel"}

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such class, in a sentence; None where it has, or where no class is maximized."""
        if not card.class_names:
            return "This network predicts no classes to maximize." if "class" in self.objective else None
        return class_problem(card, [self.class_name] if self.class_name else [])

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = network.prepare(pictures[0], self.output_scale)[None].contiguous()  # (1, 3, H, W), at the output's size
        small = network.prepare(pictures[0])[None]  # (1, 3, h, w), at the network's input size
        start = engine.optimization.starts.STARTS[self.start](photo, context.seed)
        pixels = engine.optimization.parameterizations.pixel_parameterization(start, engine.ranges.clamp)
        objective = self._objective(network, self._window_score(network, small, context.seed), photo, context.seed)
        outcome = engine.optimization.optimize.descend(pixels, objective, self._plan(), context)
        return self.result(self._items(outcome, photo, network, objective))

    def _plan(self) -> Plan:
        gradients = engine.optimization.gradients
        transform = gradients.smoothed if self.smooth_gradient else gradients.normalized
        return self.plan(optimizer="sgd", gradient=transform)

    def _window_score(self, network: Network, photo: Tensor, seed: int) -> WindowScore:
        objectives, number_at = engine.optimization.objectives, engine.optimization.transforms.number_at
        if self.objective == "random class":
            count = len(network.card.class_names)
            return lambda windows, step: network(windows).float()[:, number_at(step, seed, count)]
        if self.objective == "class":
            index = self._class(network, photo)
            return lambda windows, _: network(windows).float()[:, index]
        read = partial(layer_values, network, self.layer_name(network))
        if self.objective == "layer":
            return lambda windows, _: objectives.layer(read(windows))
        channel = self._channel(network, objectives.channels(read(photo)), read)
        return lambda windows, _: objectives.channels(read(windows))[:, channel]

    def _class(self, network: Network, photo: Tensor) -> int:
        return network.class_index(self.class_name) if self.class_name else int(network(photo).argmax())

    def _channel(self, network: Network, own: Tensor, read: Callable[[Tensor], Tensor]) -> int:
        """Index of the channel; `own` (1, C) are the channels' means for the photo."""
        objectives = engine.optimization.objectives
        if self.channel is None:
            of_samples = objectives.channels(read(sample_photos(network)))
            return int(objectives.most_excited_units(own, of_samples, 1))
        if self.channel >= own.shape[1]:
            raise BadParameter(f"channel must be 0 to {own.shape[1] - 1} in this layer, got {self.channel}")
        return self.channel

    def _objective(self, network: Network, window_score: WindowScore, photo: Tensor, seed: int) -> Objective:
        octaves, generator_at = engine.optimization.octaves, engine.optimization.transforms.generator_at
        window = network.card.input_px
        sizes = octaves.octave_sizes(window, (photo.shape[2], photo.shape[3]), self.octaves)

        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            size = sizes[min(step * self.octaves // self.steps, self.octaves - 1)]
            windows = octaves.random_windows(picture, size, window, generator_at(step, seed))
            activation = window_score(windows, step).mean()[None]
            return {"total": -activation, "activation": activation.detach()}

        return objective

    def _items(self, outcome: Outcome, photo: Tensor, network: Network, objective: Objective) -> dict[str, Item]:
        before = objective(photo, self.steps)["activation"]  # at the last octave, as the result
        small = (engine.ranges.resized(each, network.card.input_px) for each in (photo, outcome.picture))
        logits_before, logits_after = (network(each)[0] for each in small)
        return {
            "dream": Image(pixels=engine.ranges.to_pixels(outcome.picture)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "predictions": engine.result_items.predictions_table(logits_before, logits_after, network.card.class_names),
            "activation_before": Scalar(value=float(before)),
            "activation_after": Scalar(value=float(outcome.traces["activation"][-1])),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }
