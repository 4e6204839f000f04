"""Photorealistic style transfer: a photo in the light and colors of another, with every line where it was.

Of the ways in the literature, Li 2018 and WCT2 (Yoo 2019) need a decoder that was trained for one encoder, and so
cannot be asked of any network. Luan 2017 repaints the pixels as Gatys does, and pays for what is no affine change of
the photo's colors: lines bend less, but they do bend, and regions have to be told apart. Here nothing but such a change
can be made: what is optimized are affine transforms of color on a bilateral grid (Gharbi 2017, which Xia 2020 trains
for style), by Gatys' losses. Two pixels side by side get nearly the same transform, so that no edge can be moved or
made up, whatever the network that looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import engine
from core.items import Image, Result, Scalar
from core.method_base.judges import Judge
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import (
    animation,
    frames_parameter,
    learning_rate_parameter,
    plan,
    precision_parameter,
    steps_parameter,
    trace_outputs,
)
from core.method_base.style import (
    MEASURED,
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
    pictures_of,
    regions_of,
    shares_of,
    size_of,
    sized,
    style_weights_parameter,
    styles_parameter,
)
from core.method_base.style_encoder import automatic_style_layers, encoder_of

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective
    from core.engine.style.color_grid import ColorGrid
    from core.engine.style.stylization import TransferTargets
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Whole loss"),
    "content": ("distance", "Content: 0 is the photo's, 1 a map that says the same everywhere"),
    "style": ("distance", "Style: 1 is the photo's, 0 the wanted one; mean of the layers"),
    "smoothness": ("mean square", "How steeply the transforms of color change with place and brightness"),
}


class PhotoStyle(Method):
    """Minimizes c |F - P|^2 / |P - mean P|^2 + s sum_l w_l |G_l - A_l|^2 / |G_l(photo) - A_l|^2 + r mean |grad T|^2.

    F are a layer's values, P the photo's, G_l its Gram matrices, A_l the styles', T the grid's transforms of color.
    """

    title: ClassVar[str] = "Photo style"
    summary: ClassVar[str] = (
        "What is style where no line may move? Colors and light alone are changed, by transforms that are smooth in "
        "place and brightness, until correlations between channels are those of the other photo."
    )
    source: ClassVar[str] = (
        "Losses: Gatys, Ecker, Bethge 2015, arXiv:1508.06576; transforms: Gharbi et al. 2017, arXiv:1707.02880, for "
        "style as in Xia et al. 2020, arXiv:2004.10955; the aim: Luan et al. 2017, arXiv:1703.07511"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "The photo in the new light"),
        Output("original", "image", "The photo as it was, at the same size"),
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
    content_weight: float = parameter(1.0, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher changes more.", unit="", ge=0, le=1e4)
    size_px: int = parameter(512, "Longer side of the picture.", unit="px", ge=32, le=2048)
    working_px: int = parameter(
        224,
        "Longer side at which the network looks at it while it is changed; what is found then holds at every size.",
        unit="px",
        ge=32,
        le=1024,
        advanced=True,
    )
    cell_px: int = parameter(
        16,
        "Distance of the places that have transforms of their own, at the size that is looked at: less is more local.",
        unit="px",
        ge=4,
        le=512,
        advanced=True,
    )
    luminance_bins: int = parameter(
        8, "Brightnesses that have transforms of their own at each place.", unit="", ge=2, le=32, advanced=True
    )
    smoothness: float = parameter(
        40.0, "Weight of slopes in the grid: higher is more even.", unit="", ge=0, le=1e6, advanced=True
    )
    steps: int = steps_parameter(100)
    learning_rate: float = learning_rate_parameter(
        0.1, "Transforms change by this at most in a step of L-BFGS, on the mean."
    )
    judge: Judge = judge_parameter()
    frames: int = frames_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    @model_validator(mode="after")
    def _has_a_weight_for_each(self) -> Self:
        check_one_for_each("style_weights", self.style_weights, "styles", len(self.styles))
        return self

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = sized(pictures[0], self.size_px, network.device)  # (1, 3, H, W)
        looked = sized(pictures[0], min(self.working_px, self.size_px), network.device)
        styles = list(zip(self.styles, shares_of(self.style_weights, len(self.styles)), strict=True))
        regions = regions_of(context, styles, self.mask, looked, max(size_of(looked)))
        style_layers = automatic_style_layers(network, looked)
        aims = engine.style.stylization.transfer_targets(
            encoder_of(network, style_layers), looked, regions, style_layers, size_of(looked)
        )
        grid = engine.style.color_grid.color_grid(looked, self.cell_px, self.luminance_bins)
        outcome = engine.optimization.optimize.descend(
            grid, self._objective(aims, grid), plan(self, optimizer="lbfgs"), context
        )
        stylized = grid.applied(photo).detach()
        said = {
            "stylized": Image(pixels=engine.ranges.to_pixels(stylized)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "styles": Image(pixels=pictures_of(regions)),
            "animation": animation(outcome, 1, ""),
            **engine.result_items.traces(outcome.traces, TRACES),
            "layers": layers_table(network, aims, outcome.picture),
            **measured(outcome.picture, looked, regions, judging(self.judge, network, context)),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }
        return Result(captioned(said, self.outputs))

    def _objective(self, aims: TransferTargets, grid: ColorGrid) -> Objective:
        def objective(picture: Tensor, _: int) -> Mapping[str, Tensor]:
            content, style = aims.distances(picture)
            roughness = grid.roughness()
            total = self.content_weight * content + self.style_weight * style + self.smoothness * roughness
            named = {"total": total, "content": content, "style": style, "smoothness": roughness}
            return {name: value[None] for name, value in named.items()}

        return objective
