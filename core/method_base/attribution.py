"""What the methods that say where a number comes from have in common: which number, its words, and the shared items.

The number is a class's logit (or what it is above a rival's), a channel's mean, or a channel at one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from core import engine
from core.errors import BadParameter, Undefined
from core.items import Image, Item, Map, Result, Scalar
from core.media.samples import sample, sample_names
from core.method_base.class_weights import class_problem
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import LOGITS, layer_name, layer_values, names_a_layer
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.attribution.activation_rules import PositiveSignal as Rules
    from core.media.picture import Picture
    from core.networks.network import Network

NO_CLASSES = "This network gives no classes: only its channels and neurons can be explained."
UNITS: dict[str, Sequence[Any]] = {"target": ["channel", "neuron"]}

ORIGINAL = Output("original", "image", "The picture as the network sees it")
SCORE: tuple[Output, ...] = (
    Output("score", "scalar", "The number that is explained"),
    Output("probability", "scalar", "Probability of the class, where a class is explained"),
)
"""What every one of them shows beside its map."""


@dataclass(frozen=True)
class AttributionTarget:
    """Which number of each of N pictures is explained."""

    layer: str
    """Name of the layer whose output holds it; `LOGITS` for a class."""
    index: Tensor
    """(N,) int64: the class or the channel."""
    names: tuple[str, ...]
    """Its words in each picture: `tabby`, `channel 12 of blocks.5`."""
    contrast: Tensor | None = None
    """(N,) int64: the class whose logit is taken off; None: nothing is."""
    contrast_name: str = ""
    place: tuple[float, float] | None = None
    """Share of height and width, 0 to 1 each; None: the mean over all places."""

    def of(self, values: Tensor) -> Tensor:
        """The number in the layer's map (N, C, h, w) or the logits (N, K, 1, 1): (N,), differentiable."""
        objectives = engine.optimization.objectives
        units = objectives.channels(values) if self.place is None else objectives.neurons(values, *self.place)
        chosen = objectives.chosen(units, self.index)
        return chosen if self.contrast is None else chosen - objectives.chosen(units, self.contrast)

    def value(self, network: Network, pictures: Tensor) -> Tensor:
        """The number for other pictures (N, 3, H, W): (N,), differentiable. The network runs as far as the layer."""
        return self.of(layer_values(network, self.layer, pictures))

    def repeated(self, times: int) -> AttributionTarget:
        """The same for each picture `times` times over: of pictures 0, 0, ..., 1, 1, ..."""
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
        """The whole of it in words: `tabby against lynx`."""
        return (
            tuple(f"{name} against {self.contrast_name}" for name in self.names) if self.contrast_name else self.names
        )

    @property
    def unit(self) -> str:
        """What the number is measured in."""
        return "logit" if self.layer == LOGITS else "activation"


@dataclass(frozen=True)
class TargetScore:
    """What the network says of N pictures to that."""

    explained: AttributionTarget
    value: Tensor
    """(N,), differentiable."""
    probability: Tensor | None
    """(N,) of the class; None where no class is explained."""


def class_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """`class_name`."""
    description = "Class that is explained; left empty: what the network itself says of the photo."
    return parameter("", description, choices="class", when=when)


def contrast_class_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """`contrast_class`."""
    description = (
        "Class that it is held against: what speaks for the one and not for the other is then explained; "
        "left empty: none."
    )
    return parameter("", description, choices="contrast class", when=when)


def no_such_class(card: NetworkCard, class_name: str, contrast_class: str) -> str | None:
    """Why these classes cannot be explained, in a sentence; None where they can."""
    if not card.class_names:
        return NO_CLASSES
    return class_problem(card, filter(None, (class_name, contrast_class)))


def class_explained(network: Network, logits: Tensor, class_name: str, contrast_class: str) -> AttributionTarget:
    """A class (empty: the greatest logit of each picture), and what it is held against (empty: nothing).

    `logits` (N, K). Raises Undefined where a picture's own class is the contrast class.
    """
    names = network.card.class_names
    own = logits.argmax(dim=1)
    index = own.new_full(own.shape, network.class_index(class_name)) if class_name else own
    called = tuple(names[number] for number in index.tolist())
    if not contrast_class:
        return AttributionTarget(LOGITS, index, called)
    number = network.class_index(contrast_class)
    if bool((index == number).any()):
        raise Undefined(f"The network itself says {names[number]!r}: it cannot be held against itself.")
    return AttributionTarget(LOGITS, index, called, own.new_full(own.shape, number), names[number])


def probability_of(logits: Tensor, explained: AttributionTarget) -> Tensor:
    """Probability (N,) of the class, from the logits (N, K)."""
    return engine.optimization.objectives.chosen(logits.detach().softmax(dim=1), explained.index)


class Attribution(Method):
    """A method that explains one number of each picture: a class, a channel or a neuron of any layer."""

    shared: ClassVar[bool] = True
    family: ClassVar[MethodFamily] = "attribution"

    target: Literal["class", "channel", "neuron"] = parameter(
        "class", "What is explained: a class, a channel's mean over all places, or a channel at one place."
    )
    class_name: str = class_parameter(when={"target": ["class"]})
    contrast_class: str = contrast_class_parameter(when={"target": ["class"]})
    layer_by: Literal["depth", "layer"] = parameter(
        "depth", "Choose the unit's layer by its depth, which compares across networks, or by its name.", when=UNITS
    )
    depth: int = parameter(
        50, "Share of the network's blocks that lie before the unit's layer's end.", unit="%", ge=1, le=100,
        when=UNITS | {"layer_by": ["depth"]},
    )  # fmt: skip
    layer: str = parameter("", "Name of the unit's layer.", choices="layers", when=UNITS | {"layer_by": ["layer"]})
    channel: int | None = parameter(
        None, "Number of the channel; left empty: the one that the photo excites the most above the sample photos.",
        unit="", ge=0, le=100_000, when=UNITS,
    )  # fmt: skip
    y: float = parameter(
        0.5, "Place of the neuron as a share of the height: 0 is the top; of tokens, their grid's.", unit="", ge=0,
        le=1, when={"target": ["neuron"]},
    )  # fmt: skip
    x: float = parameter(
        0.5, "Place of the neuron as a share of the width: 0 is the left.", unit="", ge=0, le=1,
        when={"target": ["neuron"]},
    )  # fmt: skip

    _names_a_layer = names_a_layer(lambda method: method.target != "class")

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes, or without the named one, cannot be asked for it."""
        missing = no_such_class(card, self.class_name, self.contrast_class) if self.target == "class" else None
        return super().undefined_for(card) or missing

    def answer(self, network: Network, pictures: Tensor) -> TargetScore:
        """What is explained in pictures (N, 3, H, W), found in one pass that runs no further than the layer."""
        return self.answer_in(network, self.values(network, pictures))

    def values(self, network: Network, pictures: Tensor) -> Tensor:
        """The layer's map (N, C, h, w), or the logits (N, K, 1, 1), in which the number is; differentiable."""
        return layer_values(network, self._layer(network), pictures)

    def answer_in(self, network: Network, values: Tensor) -> TargetScore:
        """What is explained, out of `values`."""
        if self.target == "class":
            logits = values[:, :, 0, 0]
            explained = class_explained(network, logits, self.class_name, self.contrast_class)
            return TargetScore(explained, explained.of(values), probability_of(logits, explained))
        explained = self._unit_explained(network, self._layer(network), values.detach())
        return TargetScore(explained, explained.of(values), None)

    def _layer(self, network: Network) -> str:
        return LOGITS if self.target == "class" else layer_name(network, self.layer_by, self.depth, self.layer)

    def _unit_explained(self, network: Network, layer: str, values: Tensor) -> AttributionTarget:
        place = (self.y, self.x) if self.target == "neuron" else None
        index = self._channels(network, layer, values)
        where = f", {100 * place[0]:.0f} % down and {100 * place[1]:.0f} % across" if place else ""
        names = tuple(f"channel {number} of {layer}{where}" for number in index.tolist())
        return AttributionTarget(layer, index, names, place=place)

    def _channels(self, network: Network, layer: str, values: Tensor) -> Tensor:
        """The channel (N,) of each picture: by number, or the one that it excites above the sample photos."""
        count, there = values.shape[:2]
        objectives = engine.optimization.objectives
        if self.channel is not None:
            if self.channel >= there:
                raise BadParameter(f"a channel of {layer} is a number from 0 to {there - 1}, got {self.channel}")
            return objectives.numbered(self.channel, 1, values.device).expand(count)
        others = layer_values(network, layer, network.prepare_all([sample(name) for name in sample_names()]))
        own, said = (
            objectives.channels(one) if self.target == "channel" else objectives.neurons(one, self.y, self.x)
            for one in (values, others)
        )
        best = [int(objectives.most_excited(own[row : row + 1], said, 1)) for row in range(count)]
        return own.new_tensor(best).long()

    def result(self, picture: Tensor, attribution: Map, answer: TargetScore, **more: Item) -> Result:
        """The items of one picture (1, 3, H, W) in the order in which the method declares them."""
        items = explained_items(self.outputs, picture, answer) | {"attribution": attribution} | more
        return Result({output.name: items[output.name] for output in self.outputs if output.name in items})


def explained_items(outputs: Sequence[Output], picture: Tensor, answer: TargetScore) -> dict[str, Item]:
    """`original`, `score` and, of a class, `probability` of one picture (1, 3, H, W)."""
    said = {output.name: output.caption for output in outputs}
    explained = answer.explained
    items: dict[str, Item] = {
        "original": Image(pixels=engine.ranges.to_pixels(picture), caption=said["original"]),
        "score": Scalar(
            value=float(answer.value.detach()[0]),
            unit=explained.unit,
            subject=explained.labels[0],
            caption=said["score"],
        ),
    }
    if answer.probability is not None:
        items["probability"] = Scalar(
            value=float(answer.probability[0]), unit="share", subject=explained.names[0], caption=said["probability"]
        )
    return items


def map_item(values: Tensor, caption: str, answer: TargetScore, *, unit: str, signed: bool) -> Map:
    """A picture's map (H, W) as an item, raw; `unit` completes that of the number that is explained."""
    return Map(
        values=values.detach().float().cpu().numpy(),
        low=-1.0 if signed else 0.0,
        signed=signed,
        unit=f"{answer.explained.unit}{unit}",
        caption=f"{caption}: {answer.explained.labels[0]}",
    )


class PositiveSignal(Attribution):
    """A backward pass in which activations drop what is negative in the signal; `guided`: also where they are off."""

    shared: ClassVar[bool] = True
    guided: ClassVar[bool]
    rule: ClassVar[str]
    """The rule in words, for captions."""
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "What comes back at each pixel: greatest absolute signal of the colors"),
        Output("backward_signal", "image", "What comes back, with its colors, around mid-gray"),
        ORIGINAL,
        *SCORE,
        Output("overridden", "scalar", "Activations that passed the signal back by the rule"),
        Output("gates_kept", "scalar", "Gates (sigmoid, softmax) that kept their derivative"),
    )

    activations: Literal["relu", "all"] = parameter(
        "relu",
        "Where the rule is defined: for ReLU; or a variant that applies it to every activation, GELU and SiLU too.",
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        rules = engine.attribution.activation_rules.PositiveSignal(guided=self.guided, soft=self.activations == "all")
        signal, answer = self.signal(network, seen, rules)
        context.report(1, 1)
        said = {output.name: output.caption for output in self.outputs}
        rule = f"{self.rule}, {rules.words()}"
        colors, factor = engine.attribution.backward.around_gray(signal)
        strongest = engine.attribution.backward.strongest_color(signal)[0]
        counts = {"overridden": rules.counted(), "gates_kept": rules.left.total()}
        return self.result(
            seen,
            map_item(strongest, f"Greatest absolute signal of the colors ({rule})", answer, unit="", signed=False),
            answer,
            backward_signal=Image(
                pixels=engine.ranges.to_pixels(colors), caption=f"{said['backward_signal']}, {factor:.3g} times: {rule}"
            ),
            **{name: Scalar(value=count, unit="activations", caption=said[name]) for name, count in counts.items()},
        )

    def signal(self, network: Network, pictures: Tensor, rules: Rules) -> tuple[Tensor, TargetScore]:
        """What comes back (N, 3, H, W) to pictures (N, 3, H, W), and from what. Raises Undefined."""
        pixels = pictures.detach().requires_grad_()
        with rules:
            values = self.values(network, pixels)
        answer = self.answer_in(network, values)
        rules.counted()
        return engine.attribution.backward.gradient(answer.value, pixels), answer
