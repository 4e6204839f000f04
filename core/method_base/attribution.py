"""Attribution methods: the target that they explain, its score, and the items that they share.

A target is a class (its logit, minus that of a contrast class), a channel (its mean) or a neuron (one place of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.errors import BadParameter, Undefined
from core.items import Image, Item, Map, Result, Scalar
from core.method_base.class_weights import class_parameter, class_problem, contrast_class_parameter
from core.method_base.layer_choice import (
    LOGITS,
    LayerChoice,
    When,
    depth_parameter,
    layer_by_parameter,
    layer_parameter,
    layer_values,
    sample_photos,
)
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.attribution.activation_rules import PositiveSignal as Rules
    from core.media.picture import Picture
    from core.networks.network import Network

NO_CLASSES = "This network predicts no classes: only its channels and neurons can be explained."
UNITS: When = {"target": ["channel", "neuron"]}

ORIGINAL = Output("original", "image", "Input picture as the network receives it")
SCORE: tuple[Output, ...] = (
    Output("score", "scalar", "Target score"),
    Output("probability", "scalar", "Probability of the target class", optional=True),
)
"""Outputs of every attribution method, in addition to its map."""


@dataclass(frozen=True)
class AttributionTarget:
    """The targets of N pictures, one each."""

    layer: str
    """Layer whose output holds the target; `LOGITS` for a class."""
    index: Tensor
    """(N,) int64: class or channel."""
    names: tuple[str, ...]
    """Name of each target: `tabby`, `channel 12 of blocks.5`."""
    contrast: Tensor | None = None
    """(N,) int64: the class whose logit is subtracted; None for none."""
    contrast_name: str = ""
    place: tuple[float, float] | None = None
    """(y, x) as shares of height and width, 0 to 1; None: the mean over all places."""

    def score_in(self, values: Tensor) -> Tensor:
        """Target scores (N,) in the layer's map (N, C, h, w) or the logits (N, K, 1, 1); differentiable."""
        objectives = engine.optimization.objectives
        units = objectives.channels(values) if self.place is None else objectives.neurons(values, *self.place)
        score = objectives.selected(units, self.index)
        return score if self.contrast is None else score - objectives.selected(units, self.contrast)

    def score(self, network: Network, pictures: Tensor) -> Tensor:
        """Target scores (N,) of other pictures (N, 3, H, W), from a pass that ends at the layer; differentiable."""
        return self.score_in(layer_values(network, self.layer, pictures))

    def repeated(self, times: int) -> AttributionTarget:
        """Each target `times` times, for pictures 0, 0, ..., 1, 1, ..."""
        return AttributionTarget(
            self.layer,
            self.index.repeat_interleave(times),
            tuple(name for name in self.names for _ in range(times)),
            None if self.contrast is None else self.contrast.repeat_interleave(times),
            self.contrast_name,
            self.place,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each target with its contrast class: `tabby vs. lynx`."""
        return tuple(f"{name} vs. {self.contrast_name}" for name in self.names) if self.contrast_name else self.names

    @property
    def unit(self) -> str:
        """Unit of the score."""
        return "logit" if self.layer == LOGITS else "activation"


@dataclass(frozen=True)
class TargetScore:
    """The targets of N pictures, and their scores."""

    target: AttributionTarget
    value: Tensor
    """(N,), differentiable."""
    probability: Tensor | None
    """(N,) of the target class; None for channels and neurons."""


def target_problem(card: NetworkCard, class_name: str, contrast_class: str) -> str | None:
    """Why the network cannot be explained for these classes, in a sentence; None where it can."""
    if not card.class_names:
        return NO_CLASSES
    return class_problem(card, filter(None, (class_name, contrast_class)))


def class_target(network: Network, logits: Tensor, class_name: str, contrast_class: str) -> AttributionTarget:
    """A class as the target of pictures with `logits` (N, K).

    Without a `class_name`, each picture's predicted class is its target. Raises Undefined where the contrast class is a
    target.
    """
    names = network.card.class_names
    predicted = logits.argmax(dim=1)
    index = predicted.new_full(predicted.shape, network.class_index(class_name)) if class_name else predicted
    target_names = tuple(names[number] for number in index.tolist())
    if not contrast_class:
        return AttributionTarget(LOGITS, index, target_names)
    contrast = network.class_index(contrast_class)
    if bool((index == contrast).any()):
        raise Undefined(f"The contrast class {names[contrast]!r} is the predicted class: select another one.")
    return AttributionTarget(
        LOGITS, index, target_names, predicted.new_full(predicted.shape, contrast), names[contrast]
    )


def probability_of(logits: Tensor, target: AttributionTarget) -> Tensor:
    """Probability (N,) of the target class, from logits (N, K)."""
    return engine.optimization.objectives.selected(logits.detach().softmax(dim=1), target.index)


class Attribution(LayerChoice):
    """A method that explains one target per picture: a class, a channel or a neuron of any layer."""

    shared: ClassVar[bool] = True
    leading: ClassVar[bool] = True
    family: ClassVar[MethodFamily] = "attribution"

    target: Literal["class", "channel", "neuron"] = parameter(
        "class", "Target: a class, a channel (its mean over all places) or a neuron (a channel at one place)."
    )
    class_name: str = class_parameter(when={"target": ["class"]})
    contrast_class: str = contrast_class_parameter(when={"target": ["class"]})
    layer_by: Literal["depth", "layer"] = layer_by_parameter(UNITS)
    depth: int = depth_parameter(UNITS)
    layer: str = layer_parameter(UNITS)
    channel: int | None = parameter(
        None, "Channel index. Default: the channel that the picture excites the most, compared with the sample photos.",
        unit="", ge=0, le=100_000, when=UNITS,
    )  # fmt: skip
    y: float = parameter(
        0.5, "Vertical place of the neuron, as a share of the height of the map or token grid; 0 is the top.", unit="",
        ge=0, le=1, when={"target": ["neuron"]},
    )  # fmt: skip
    x: float = parameter(
        0.5, "Horizontal place of the neuron, as a share of the width; 0 is the left edge.", unit="", ge=0, le=1,
        when={"target": ["neuron"]},
    )  # fmt: skip

    @property
    def reads_layer(self) -> bool:
        """Whether the target is a channel or a neuron."""
        return self.target != "class"

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no such target, in a sentence; None where it has."""
        problem = target_problem(card, self.class_name, self.contrast_class) if self.target == "class" else None
        return super().undefined_for(card) or problem

    def score(self, network: Network, pictures: Tensor) -> TargetScore:
        """Targets and scores of pictures (N, 3, H, W), from one pass that runs no further than the layer."""
        return self.score_from(network, self.values(network, pictures))

    def values(self, network: Network, pictures: Tensor) -> Tensor:
        """The layer's map (N, C, h, w), or the logits (N, K, 1, 1), that hold the target; differentiable."""
        return layer_values(network, self.layer_name(network), pictures)

    def score_from(self, network: Network, values: Tensor) -> TargetScore:
        """Targets and scores, from what `values` gives."""
        if self.target == "class":
            logits = values[:, :, 0, 0]
            target = class_target(network, logits, self.class_name, self.contrast_class)
            return TargetScore(target, target.score_in(values), probability_of(logits, target))
        target = self._unit_target(network, values.detach())
        return TargetScore(target, target.score_in(values), None)

    def _unit_target(self, network: Network, values: Tensor) -> AttributionTarget:
        layer = self.layer_name(network)
        place = (self.y, self.x) if self.target == "neuron" else None
        index = self._channels(network, layer, values)
        at = f" at {100 * place[0]:.0f} % of the height, {100 * place[1]:.0f} % of the width" if place else ""
        names = tuple(f"channel {number} of {layer}{at}" for number in index.tolist())
        return AttributionTarget(layer, index, names, place=place)

    def _channels(self, network: Network, layer: str, values: Tensor) -> Tensor:
        """Channel of each picture, (N,): the given one, or the one that it excites most against the sample photos."""
        count, channels = values.shape[:2]
        objectives = engine.optimization.objectives
        if self.channel is not None:
            if self.channel >= channels:
                raise BadParameter(f"channel must be 0 to {channels - 1} in layer {layer}, got {self.channel}")
            return objectives.unit_range(self.channel, 1, values.device).expand(count)
        own, of_samples = (
            objectives.channels(each) if self.target == "channel" else objectives.neurons(each, self.y, self.x)
            for each in (values, layer_values(network, layer, sample_photos(network)))
        )
        best = [int(objectives.most_excited_units(own[row : row + 1], of_samples, 1)) for row in range(count)]
        return own.new_tensor(best).long()


def score_items(picture: Tensor, score: TargetScore) -> dict[str, Item]:
    """Items `original`, `score` and, for a class, `probability` of one picture (1, 3, H, W)."""
    target = score.target
    items: dict[str, Item] = {
        "original": Image(pixels=engine.ranges.to_pixels(picture)),
        "score": Scalar(value=float(score.value.detach()[0]), unit=target.unit, subject=target.labels[0]),
    }
    if score.probability is not None:
        items["probability"] = Scalar(value=float(score.probability[0]), unit="share", subject=target.names[0])
    return items


def map_item(values: Tensor, caption: str, score: TargetScore, *, unit: str, signed: bool) -> Map:
    """A picture's map (H, W) as an item, not normalized; `unit` is appended to the unit of the score."""
    return Map(
        values=values.detach().float().cpu().numpy(),
        low=-1.0 if signed else 0.0,
        signed=signed,
        unit=f"{score.target.unit}{unit}",
        caption=f"{caption}: {score.target.labels[0]}",
    )


class PositiveSignal(Attribution):
    """Backpropagation in which activations pass only positive signals; `guided`: and only where they are on."""

    shared: ClassVar[bool] = True
    guided: ClassVar[bool]
    rule: ClassVar[str]
    """The rule in words, for captions."""
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Backward signal at each pixel, maximum over the colors of its magnitude"),
        Output("backward_signal", "image", "Backward signal in color, around mid-gray"),
        ORIGINAL,
        *SCORE,
        Output("overridden", "scalar", "Activations whose derivative was replaced by the rule"),
        Output("gates_kept", "scalar", "Gates (sigmoid, softmax) that kept their derivative"),
    )

    activations: Literal["relu", "all"] = parameter(
        "relu",
        "Activations that follow the rule: ReLU, for which it is defined, or all, GELU and SiLU included (a variant).",
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        rules = engine.attribution.activation_rules.PositiveSignal(guided=self.guided, soft=self.activations == "all")
        signal, score = self.signal(network, inputs, rules)
        context.report(1, 1)
        rule = f"{self.rule}, {rules.summary()}"
        colors, factor = engine.attribution.backward.around_gray(signal)
        magnitude = engine.attribution.backward.strongest_color(signal)[0]  # (H, W)
        caption = f"{self.captions()['backward_signal']}, amplified {factor:.3g} times: {rule}"
        return self.result(
            score_items(inputs, score)
            | {
                "attribution": map_item(magnitude, f"Backward signal ({rule})", score, unit="", signed=False),
                "backward_signal": Image(pixels=engine.ranges.to_pixels(colors), caption=caption),
                "overridden": Scalar(value=rules.count(), unit="activations"),
                "gates_kept": Scalar(value=rules.kept.total(), unit="activations"),
            }
        )

    def signal(self, network: Network, pictures: Tensor, rules: Rules) -> tuple[Tensor, TargetScore]:
        """Backward signal (N, 3, H, W) at the pixels of pictures (N, 3, H, W), and the scores. Raises Undefined."""
        pixels = pictures.detach().requires_grad_()
        with rules:
            values = self.values(network, pixels)
        score = self.score_from(network, values)
        rules.count()
        return engine.attribution.backward.gradient(score.value, pixels), score
