"""Style transfer: the content of one picture in the style of others, as any network sees both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine
from core.items import Image, Item, Result, Scalar
from core.method_base.judges import Judge
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    WAVES_OR_PIXELS,
    animation,
    frames_parameter,
    learning_rate_parameter,
    precision_parameter,
    steps_parameter,
    trace_outputs,
)
from core.method_base.style import (
    MEASURED,
    Depths,
    Mask,
    Shares,
    Styles,
    captioned,
    check_one_for_each,
    judge_parameter,
    judging,
    layers_table,
    mask_parameter,
    measured,
    numbers,
    pictures_of,
    regions_of,
    shares_of,
    size_of,
    size_parameter,
    sized,
    style_weights_parameter,
    styles_parameter,
)
from core.method_base.style_encoder import automatic_style_layers, encoder_of, style_layers_by_depth

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Outcome, Plan
    from core.engine.style.stylization import TransferTargets, Region, StyleLayers
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Whole loss"),
    "content": ("distance", "Content: 0 is the photo's, 1 a map that says the same everywhere"),
    "style": ("distance", "Style: 1 is the photo's, 0 the wanted one; mean of the layers"),
    "total_variation": ("mean difference", "Total variation of the picture"),
}
SINGLE_PX = 224
"""A picture up to this size is made at once; for each doubling a coarser one goes before."""


class StyleTransfer(Method):
    """Minimizes c |F - P|^2 / |P - mean P|^2 + s sum_l w_l |G_l - A_l|^2 / |G_l(photo) - A_l|^2 + v TV(x).

    F are a layer's values, P the photo's, G_l = F F^T / places is the Gram matrix of layer l, A_l the styles'.
    """

    title: ClassVar[str] = "Style transfer"
    summary: ClassVar[str] = (
        "What does the network take for content, and what for style? The picture is repainted until a deep layer still "
        "says the same, and correlations between channels are those of the style."
    )
    source: ClassVar[str] = (
        "Gatys, Ecker, Bethge 2015, arXiv:1508.06576; activation smoothing: Wang, Li, Vasconcelos, CVPR 2021; original "
        "colors: Gatys et al. 2016, arXiv:1606.05897"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "The picture in the new style"),
        Output("original", "image", "The picture as it was, at the same size"),
        Output("styles", "image", "The styles, at the size at which they are taken over"),
        Output("animation", "animation", "How the picture came to be"),
        *trace_outputs(TRACES),
        Output("layers", "table", "The layers that were compared, and how far each came"),
        *MEASURED,
        Output("steps", "scalar", "Steps that were taken"),
    )

    styles: Styles = styles_parameter()
    style_weights: Shares = style_weights_parameter()
    mask: Mask = mask_parameter()
    content_weight: float = parameter(1.5, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher repaints more.", unit="", ge=0, le=1e4)
    smoothing: Literal["none", "softmax"] = parameter(
        "none",
        "Put activations through a softmax before they are compared: a few strong ones, as in networks with residual "
        "connections, then outweigh the others less.",
    )
    original_colors: bool = parameter(default=False, description="Repaint the brightness alone, and keep the colors.")
    start: Literal["photo", "noise"] = parameter("photo", "Begin with the photo, or with noise.")
    size_px: int = size_parameter()
    style_scale: float = parameter(
        1.0,
        "Longer side of the style pictures, of the picture's: smaller makes finer strokes.",
        unit="",
        ge=0.25,
        le=2,
        advanced=True,
    )
    layers: Literal["automatic", "depths"] = parameter(
        "automatic",
        "Compare what fits the network, the ends of its stages or, in ViTs and Mixers, blocks evenly spread; or blocks "
        "at given depths.",
        advanced=True,
    )
    style_depths: Depths = parameter(
        "10, 25, 50, 75",
        "Depths of the layers of style in percent of the network's blocks, with commas between.",
        when={"layers": ["depths"]},
        advanced=True,
    )
    depth_weights: Shares = parameter(
        "", "Weights of these layers in their order; left empty: all alike.", when={"layers": ["depths"]}, advanced=True
    )
    content_depth: int = parameter(
        60, "Depth of the layer of content.", unit="%", ge=1, le=100, when={"layers": ["depths"]}, advanced=True
    )
    octaves: int | None = parameter(
        None,
        "Sizes at which the picture is made, from coarse to fine, each twice the one before; left empty: by its size.",
        unit="sizes",
        ge=1,
        le=5,
        advanced=True,
    )
    steps: int = steps_parameter(200)
    optimizer: Literal["lbfgs", "adam"] = parameter("lbfgs", "Optimizer that moves the picture.", advanced=True)
    learning_rate: float = learning_rate_parameter(
        0.1, f"{WAVES_OR_PIXELS} L-BFGS goes no further than this in a step."
    )
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Move waves, so that structure of every size grows alike, or single pixels.", advanced=True
    )
    total_variation: float = parameter(
        1.0, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )
    temperature: float = parameter(
        0.5,
        "Activations are divided by so many times the photo's greatest before the softmax: higher smooths more.",
        unit="",
        ge=0.05,
        le=100,
        when={"smoothing": ["softmax"]},
        advanced=True,
    )
    judge: Judge = judge_parameter()
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    @model_validator(mode="after")
    def _has_a_weight_for_each(self) -> Self:
        if not numbers(self.style_depths):
            raise ValueError("style_depths must name a depth at least, got none")
        check_one_for_each("style_weights", self.style_weights, "styles", len(self.styles))
        check_one_for_each("depth_weights", self.depth_weights, "style_depths", len(numbers(self.style_depths)))
        return self

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = sized(pictures[0], self.size_px, network.device)  # (1, 3, H, W)
        regions = self._regions(photo, context)
        aims_at = self._aims(network, photo, regions)
        start = engine.style.luminance.gray(photo) if self.original_colors else photo
        sheet = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](
            engine.optimization.canvas.Canvas(start, self.start, 1, context.seed, start)
        )
        outcome = engine.optimization.optimize.descend(sheet, self._objective(aims_at), self._plan(photo), context)
        stylized = self._shown(photo)(outcome.picture)
        said = {
            **self._pictures(outcome, stylized, photo, regions),
            **engine.result_items.traces(outcome.traces, TRACES),
            "layers": layers_table(network, aims_at(self._octaves - 1), outcome.picture),
            **measured(stylized, photo, regions, judging(self.judge, network, context)),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }
        return Result(captioned(said, self.outputs))

    @property
    def _octaves(self) -> int:
        return self.octaves or 1 + max(0, math.floor(math.log2(self.size_px / SINGLE_PX)))

    def _octave(self, step: int) -> int:
        return min(step * self._octaves // self.steps, self._octaves - 1)

    def _plan(self, photo: Tensor) -> Plan:
        starts = {step for step in range(1, self.steps) if self._octave(step) != self._octave(step - 1)}
        return engine.optimization.optimize.Plan(
            steps=self.steps,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            schedule="constant" if self.optimizer == "lbfgs" else "cosine",
            frames=self.frames,
            precision=self.precision,
            reset_steps=frozenset(starts),
            display=self._shown(photo),
        )

    def _shown(self, photo: Tensor) -> Callable[[Tensor], Tensor]:
        """What is shown of the picture that moves."""
        if not self.original_colors:
            return lambda picture: picture
        return lambda picture: engine.style.luminance.in_colors_of(picture, photo)

    def _regions(self, photo: Tensor, context: Context) -> list[Region]:
        styles = list(zip(self.styles, shares_of(self.style_weights, len(self.styles)), strict=True))
        return regions_of(context, styles, self.mask, photo, self.size_px * self.style_scale)

    def _aims(self, network: Network, photo: Tensor, regions: Sequence[Region]) -> Callable[[int], TransferTargets]:
        """Octave -> what the picture is held against at its size."""
        if self.original_colors:
            regions = engine.style.stylization.map_styles(
                regions, lambda style: engine.style.luminance.matched(style, photo)
            )
            photo = engine.style.luminance.gray(photo)
        style_layers = self._style_layers(network, photo)
        least = engine.style.stylization.scaled_size(size_of(photo), 0.5 ** (self._octaves - 1))
        sizes = engine.optimization.octaves.octave_sizes(least, size_of(photo), self._octaves)

        @cache
        def at(octave: int) -> TransferTargets:
            return engine.style.stylization.transfer_targets(
                encoder_of(network, style_layers), photo, regions, style_layers, sizes[octave]
            )

        return at

    def _style_layers(self, network: Network, photo: Tensor) -> StyleLayers:
        if self.layers == "automatic":
            style_layers = automatic_style_layers(network, photo)
        else:
            at = numbers(self.style_depths)
            style_layers = style_layers_by_depth(
                network, self.content_depth, at, shares_of(self.depth_weights, len(at))
            )
        return replace(style_layers, smoothing=self.temperature if self.smoothing == "softmax" else 0.0)

    def _objective(self, aims_at: Callable[[int], TransferTargets]) -> Objective:
        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            content, style = aims_at(self._octave(step)).distances(picture)
            variation = engine.optimization.objectives.total_variation(picture)[0]
            total = self.content_weight * content + self.style_weight * style + self.total_variation * variation
            named = {"total": total, "content": content, "style": style, "total_variation": variation}
            return {name: value[None] for name, value in named.items()}

        return objective

    def _pictures(
        self, outcome: Outcome, stylized: Tensor, photo: Tensor, regions: Sequence[Region]
    ) -> dict[str, Item]:
        return {
            "stylized": Image(pixels=engine.ranges.to_pixels(stylized)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "styles": Image(pixels=pictures_of(regions)),
            "animation": animation(outcome, 1, ""),
        }
