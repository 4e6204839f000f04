"""Style transfer: the content of one picture in the style of others, in terms of any network's activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine
from core.items import Image, Item, Result, Scalar
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import (
    LEARNING_RATE,
    PictureOptimization,
    animation,
    learning_rate_parameter,
    trace_outputs,
)
from core.method_base.style import (
    STYLE_MEASURES,
    ActivationSmoothing,
    Depths,
    JudgedStyle,
    Mask,
    Shares,
    StyleMethod,
    check_weight_count,
    layers_table,
    mask_parameter,
    numbers,
    pictures_of,
    regions_of,
    shares_of,
    size_of,
    sized,
    style_measures,
)
from core.method_base.style_encoder import automatic_style_layers, encoder_of, style_layers_by_depth

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective, Plan
    from core.engine.style.stylization import Region, StyleLayers, TransferTargets
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Total loss"),
    "content": ("distance", "Content distance; 0 is the photo, 1 a constant map"),
    "style": ("distance", "Style distance, mean over the layers; 1 is the photo, 0 the target style"),
    "total_variation": ("mean difference", "Total variation of the image"),
}
SINGLE_OCTAVE_PX = 224
"""Size up to which a picture is optimized at one size; each doubling adds a coarser octave before it."""


class StyleTransfer(StyleMethod, ActivationSmoothing, JudgedStyle, PictureOptimization):
    """Minimizes c |F - P|^2 / |P - mean P|^2 + s sum_l w_l |G_l - A_l|^2 / |G_l(photo) - A_l|^2 + v TV(x).

    F are a layer's values, P the photo's, G_l = F F^T / places is the Gram matrix of layer l, A_l that of the styles.
    """

    title: ClassVar[str] = "Style transfer"
    summary: ClassVar[str] = (
        "What does the network represent as content, and what as style? The picture is optimized to preserve the "
        "activations of a deep layer and to match the correlations between channels of the style."
    )
    source: ClassVar[str] = (
        "Gatys et al. 2015, arXiv:1508.06576; Wang et al. 2021, CVPR (activation smoothing); Gatys et al. 2016, "
        "arXiv:1606.05897 (original colors)"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "Stylized picture"),
        Output("original", "image", "Content image at the same size"),
        Output("styles", "image", "Style images at the size at which they are used"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("layers", "table", "Compared layers and their remaining distances"),
        *STYLE_MEASURES,
        Output("steps", "scalar", "Optimization steps taken"),
    )

    mask: Mask = mask_parameter()
    content_weight: float = parameter(1.5, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher changes more.", unit="", ge=0, le=1e4)
    original_colors: bool = parameter(default=False, description="Change the luminance only, and keep the colors.")
    start: Literal["photo", "noise"] = parameter("photo", "Start of the optimization: the photo or noise.")
    size_px: int = parameter(
        224, "Longer side of the result; the shorter one has at least 32 px.", unit="px", ge=32, le=1024
    )
    style_scale: float = parameter(
        1.0, "Style scale, relative to the content image: smaller gives finer strokes.", unit="", ge=0.25, le=2,
        advanced=True,
    )  # fmt: skip
    layers: Literal["automatic", "depths"] = parameter(
        "automatic",
        "Compared layers: the ends of the network's stages, or evenly spaced blocks in ViTs and Mixers (automatic); or "
        "blocks at given depths.",
        advanced=True,
    )
    style_depths: Depths = parameter(
        "10, 25, 50, 75", "Comma-separated depths of the style layers, % of blocks.", when={"layers": ["depths"]},
        advanced=True,
    )  # fmt: skip
    depth_weights: Shares = parameter(
        "", "Comma-separated weights of the style layers, in their order. Default: equal weights.",
        when={"layers": ["depths"]}, advanced=True,
    )  # fmt: skip
    content_depth: int = parameter(
        60, "Depth of the content layer, % of blocks.", unit="%", ge=1, le=100, when={"layers": ["depths"]},
        advanced=True,
    )  # fmt: skip
    octaves: int | None = parameter(
        None, "Sizes at which the picture is optimized, each twice the previous one. Default: depends on the size.",
        unit="sizes", ge=1, le=5, advanced=True,
    )  # fmt: skip
    optimizer: Literal["lbfgs", "adam"] = parameter("lbfgs", "Optimizer of the picture.", advanced=True)
    learning_rate: float = learning_rate_parameter(
        0.1, f"{LEARNING_RATE} For L-BFGS, the largest root mean square of a step."
    )
    parameterization: Literal["fourier", "pixels"] = parameter(
        "fourier", "Optimized variables: Fourier coefficients, which treat structure of all sizes alike, or pixels.",
        advanced=True,
    )  # fmt: skip
    total_variation: float = parameter(
        1.0, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )

    @model_validator(mode="after")
    def _depths_have_weights(self) -> Self:
        if not numbers(self.style_depths):
            raise ValueError("style_depths must contain at least one depth, got none")
        check_weight_count("depth_weights", self.depth_weights, "style_depths", len(numbers(self.style_depths)))
        return self

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = sized(pictures[0], self.size_px, network.device)  # (1, 3, H, W)
        regions = self._regions(photo, context)
        targets_at = self._targets(network, photo, regions)
        content = self._compared(photo)
        canvas = engine.optimization.canvas.Canvas(content, self.start, 1, context.seed, content)
        parameterization = engine.optimization.canvas.PARAMETERIZATIONS[self.parameterization](canvas)
        outcome = engine.optimization.optimize.descend(
            parameterization, self._objective(targets_at), self._plan(photo), context
        )
        items: dict[str, Item] = {
            "stylized": Image(pixels=engine.ranges.to_pixels(outcome.picture)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "styles": Image(pixels=pictures_of(regions)),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "layers": layers_table(network, targets_at(self._octaves - 1), self._compared(outcome.picture)),
            **style_measures(outcome.picture, photo, regions, self.loaded_judge(network, context)),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }
        return self.result(items)

    @property
    def _octaves(self) -> int:
        return self.octaves or 1 + max(0, math.floor(math.log2(self.size_px / SINGLE_OCTAVE_PX)))

    def _octave(self, step: int) -> int:
        return min(step * self._octaves // self.steps, self._octaves - 1)

    def _plan(self, photo: Tensor) -> Plan:
        starts = {step for step in range(1, self.steps) if self._octave(step) != self._octave(step - 1)}
        return self.plan(
            optimizer=self.optimizer,
            schedule="constant" if self.optimizer == "lbfgs" else "cosine",
            reset_steps=frozenset(starts),
            display=self._displayed(photo),
            kept=self._displayed(photo),
        )

    def _displayed(self, photo: Tensor) -> Callable[[Tensor], Tensor]:
        """From the optimized picture to the displayed and stored one, same shape."""
        if not self.original_colors:
            return lambda picture: picture
        return lambda picture: engine.style.luminance.in_colors_of(picture, photo)

    def _compared(self, picture: Tensor) -> Tensor:
        """What the losses read of a picture, the optimized or the stored one: all of it, or its luminance."""
        return engine.style.luminance.gray(picture) if self.original_colors else picture

    def _regions(self, photo: Tensor, context: Context) -> list[Region]:
        styles = list(zip(self.styles, self.style_shares, strict=True))
        return regions_of(context, styles, self.mask, photo, self.size_px * self.style_scale)

    def _targets(self, network: Network, photo: Tensor, regions: Sequence[Region]) -> Callable[[int], TransferTargets]:
        """Octave -> targets at its size."""
        stylization = engine.style.stylization
        if self.original_colors:
            regions = stylization.map_styles(regions, lambda style: engine.style.luminance.matched(style, photo))
            photo = engine.style.luminance.gray(photo)
        style_layers = self._style_layers(network, photo)
        smallest = stylization.scaled_size(size_of(photo), 0.5 ** (self._octaves - 1))
        sizes = engine.optimization.octaves.octave_sizes(smallest, size_of(photo), self._octaves)
        encoder = encoder_of(network, style_layers)

        @cache
        def targets_at(octave: int) -> TransferTargets:
            return stylization.transfer_targets(encoder, photo, regions, style_layers, sizes[octave])

        return targets_at

    def _style_layers(self, network: Network, photo: Tensor) -> StyleLayers:
        if self.layers == "automatic":
            return self.smoothed(automatic_style_layers(network, photo))
        depths = numbers(self.style_depths)
        shares = shares_of(self.depth_weights, len(depths))
        return self.smoothed(style_layers_by_depth(network, self.content_depth, depths, shares))

    def _objective(self, targets_at: Callable[[int], TransferTargets]) -> Objective:
        def objective(picture: Tensor, step: int) -> Mapping[str, Tensor]:
            compared = self._compared(picture)
            content, style = targets_at(self._octave(step)).distances(compared)
            variation = engine.optimization.objectives.total_variation(compared)[0]
            total = self.content_weight * content + self.style_weight * style + self.total_variation * variation
            terms = {"total": total, "content": content, "style": style, "total_variation": variation}
            return {name: value[None] for name, value in terms.items()}

        return objective
