"""What the methods that optimize a picture have in common: parameters, and the items that all of them show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from core import engine, networks
from core.items import Animation, Image, Item
from core.media.samples import sample, sample_names
from core.method_base.method import Method, Output, parameter

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Outcome, Plan
    from core.networks.network import Network

WAVES_OR_PIXELS = "Learning rate; of a wave's coefficient, or of a pixel, whose range is 1."


def steps_parameter(default: int) -> Any:
    """`steps`."""
    return parameter(default, "Steps of the optimizer.", unit="steps", ge=1, le=10_000)


def learning_rate_parameter(default: float, description: str = WAVES_OR_PIXELS) -> Any:
    """`learning_rate`."""
    return parameter(default, description, unit="", gt=0, le=10, advanced=True)


def frames_parameter() -> Any:
    """`frames`."""
    return parameter(24, "Pictures kept for the animation.", unit="frames", ge=2, le=120, advanced=True)


def precision_parameter() -> Any:
    """`precision`."""
    return parameter("float32", "bf16 is a faster draft on hardware that has it.", advanced=True)


def class_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """`class_name`."""
    description = "Class to aim at; left empty: what the network itself says of the photo."
    return parameter("", description, choices="class", when=when)


def layer_by_parameter(when: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """`layer_by`."""
    description = "Choose the layer by its depth, which compares across networks, or by its name."
    return parameter("depth", description, when=when)


def depth_parameter(default: int) -> Any:
    """`depth`."""
    description = "Share of the network's blocks that lie before this layer's end."
    return parameter(default, description, unit="%", ge=1, le=100, when={"layer_by": ["depth"]})


def layer_parameter() -> Any:
    """`layer`."""
    return parameter("", "Name of the layer.", choices="layers", when={"layer_by": ["layer"]})


def names_a_layer(reads_one: Callable[[Any], bool] = lambda _: True) -> Any:
    """A validator: where `layer_by` says that the layer is chosen by its name, `layer` is given.

    `reads_one`: whether the method with its other parameters reads a layer at all.
    """

    def check(method: Any) -> Any:
        if method.layer_by == "layer" and not method.layer and reads_one(method):
            raise ValueError("layer must be named where layer_by is 'layer', got none")
        return method

    return model_validator(mode="after")(check)


def seeds_parameter(default: int) -> Any:
    """`seeds`."""
    description = "Pictures that are made side by side from different random starts."
    return parameter(default, description, unit="pictures", ge=1, le=16)


def jitter_parameter(default: float) -> Any:
    """`jitter`."""
    description = "The picture is moved by up to this share of its side before each step, so that no pixel matters."
    return parameter(default, description, unit="", ge=0, le=0.5, advanced=True)


def scale_parameter(default: float) -> Any:
    """`scale`."""
    description = "The picture is scaled by up to this share before each step."
    return parameter(default, description, unit="", ge=0, le=0.5, advanced=True)


def rotate_parameter(default: float) -> Any:
    """`rotate`."""
    description = "The picture is turned by up to this angle before each step."
    return parameter(default, description, unit="degrees", ge=0, le=90, advanced=True)


def layer_name(network: Network, layer_by: str, depth: int, layer: str) -> str:
    """The layer at this depth in percent, or of this name. Raises BadParameter for an unknown name."""
    if layer_by == "depth":
        return networks.layout.layer_at(network, depth / 100)
    network.layer(layer)
    return layer


def plan(method: Method, **more: Any) -> Plan:
    """The optimizer's plan by the parameters of the same names, and by what the method itself says."""
    said = method.model_dump(include={"steps", "learning_rate", "frames", "precision"})
    return engine.optimization.optimize.Plan(**said, **more)


def sample_photos(network: Network) -> Tensor:
    """The photos that come with Gazegrid, (N, 3, H, W), with which a photo is compared."""
    return network.prepare_all([sample(name) for name in sample_names()])


LOGITS = ""
"""Stands for the network's answer in the place of a layer's name."""


def layer_values(network: Network, layer: str, pictures: Tensor) -> Tensor:
    """What a layer says of pictures (N, 3, H, W) as a map (N, C, h, w); differentiable. Raises Undefined.

    Logits are a map of one place. The network runs no further than the layer.
    """
    if layer == LOGITS:
        logits: Tensor = network(pictures).float()
        return logits[:, :, None, None]
    output = engine.activations.output_of(network.model.get_submodule(layer), network, pictures)
    height, width = pictures.shape[2:]
    return networks.layout.map_of(network, layer, output, (height, width)).float()


def sheet_image(pictures: Tensor, columns: int, caption: str) -> Image:
    """Pictures (N, 3, H, W) as one, with so many in a row."""
    return Image(
        pixels=engine.result_items.tiled(engine.ranges.to_bytes(pictures).cpu().numpy(), columns), caption=caption
    )


def animation(outcome: Outcome, columns: int, caption: str) -> Animation:
    """The animation of a run, the pictures of a batch side by side."""
    return Animation(frames=engine.result_items.tiled(outcome.frames.movedim(1, 0).numpy(), columns), caption=caption)


def trace_outputs(traces: Mapping[str, tuple[str, str]]) -> list[Output]:
    """The curves of a run, as `engine.result_items.traces` gives them: name -> (unit, caption)."""
    return [Output(f"trace_{name}", "series", caption) for name, (_, caption) in traces.items()]


def as_declared(items: Mapping[str, Item], outputs: Sequence[Output]) -> dict[str, Item]:
    """The items in the order in which the method declares them."""
    return {output.name: items[output.name] for output in outputs}
