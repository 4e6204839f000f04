"""Photorealistic style transfer: a photo in the light and colors of another, with all its edges in place.

Alternatives in the literature: Li 2018 and WCT2 (Yoo 2019) need a decoder that is trained for one encoder, so they do
not work with any network. Luan 2017 optimizes pixels as Gatys does, and penalizes color changes that are not locally
affine: edges bend less, but they bend, and it needs a segmentation. Here, no other changes are possible: affine color
transforms on a bilateral grid (Gharbi 2017; trained for style by Xia 2020) are optimized with Gatys' losses. Adjacent
pixels get nearly the same transform, so that no edge can be moved or created, whatever the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from core import engine
from core.items import Image, Item, Result, Scalar
from core.method_base.method import Context, MethodFamily, Output, parameter
from core.method_base.optimization import (
    PictureOptimization,
    animation,
    learning_rate_parameter,
    steps_parameter,
    trace_outputs,
)
from core.method_base.style import (
    STYLE_MEASURES,
    JudgedStyle,
    Mask,
    StyleMethod,
    layers_table,
    mask_parameter,
    pictures_of,
    regions_of,
    size_of,
    sized,
    style_measures,
)
from core.method_base.style_encoder import automatic_style_layers, encoder_of

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.optimization.optimize import Objective
    from core.engine.style.color_grid import ColorGrid
    from core.engine.style.stylization import Region, TransferTargets
    from core.media.picture import Picture
    from core.networks.network import Network

TRACES = {
    "total": ("loss", "Total loss"),
    "content": ("distance", "Content distance; 0 is the photo, 1 a constant map"),
    "style": ("distance", "Style distance, mean over the layers; 1 is the photo, 0 the target style"),
    "smoothness": ("mean square", "Mean squared slope of the color transforms over place and luminance"),
}


class PhotoStyle(StyleMethod, JudgedStyle, PictureOptimization):
    """Minimizes c |F - P|^2 / |P - mean P|^2 + s sum_l w_l |G_l - A_l|^2 / |G_l(photo) - A_l|^2 + r mean |grad T|^2.

    F are a layer's values, P the photo's, G_l Gram matrices, A_l those of the styles, T the color transforms.
    """

    title: ClassVar[str] = "Photo style"
    summary: ClassVar[str] = (
        "What is style if all edges stay in place? Only colors and light change, by transforms that are smooth over "
        "place and luminance, until the correlations between channels match the style photo."
    )
    source: ClassVar[str] = (
        "Gatys et al. 2015, arXiv:1508.06576; Gharbi et al. 2017, arXiv:1707.02880; Xia et al. 2020, arXiv:2004.10955; "
        "Luan et al. 2017, arXiv:1703.07511"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "Stylized photo"),
        Output("original", "image", "Content image at the same size"),
        Output("styles", "image", "Style images at the size at which they are used"),
        Output("animation", "animation", "Progress of the optimization"),
        *trace_outputs(TRACES),
        Output("layers", "table", "Compared layers and their remaining distances"),
        *STYLE_MEASURES,
        Output("steps", "scalar", "Optimization steps taken"),
    )

    mask: Mask = mask_parameter()
    content_weight: float = parameter(1.0, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher changes more.", unit="", ge=0, le=1e4)
    size_px: int = parameter(
        512, "Longer side of the result; the shorter one has at least 32 px.", unit="px", ge=32, le=2048
    )
    working_px: int = parameter(
        224, "Longer side of the photo during the optimization; the transforms then apply to every size.", unit="px",
        ge=32, le=1024, advanced=True,
    )  # fmt: skip
    cell_px: int = parameter(
        16, "Distance between places with their own transforms, at the working size: smaller is more local.",
        unit="px", ge=4, le=512, advanced=True,
    )  # fmt: skip
    luminance_bins: int = parameter(
        8, "Luminance levels with their own transforms at each place.", unit="", ge=2, le=32, advanced=True
    )
    smoothness: float = parameter(
        40.0, "Weight of the slopes in the grid: higher is more even.", unit="", ge=0, le=1e6, advanced=True
    )
    steps: int = steps_parameter(100)
    learning_rate: float = learning_rate_parameter(
        0.1, "Largest step of L-BFGS, as the root mean square change of the color transforms."
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        photo = sized(pictures[0], self.size_px, network.device)  # (1, 3, H, W)
        factor = min(1.0, self.working_px / max(size_of(photo)))
        small = engine.ranges.resized(photo, engine.style.stylization.scaled_size(size_of(photo), factor))
        regions, full_regions = (self._regions(each, context) for each in (small, photo))
        style_layers = automatic_style_layers(network, small)
        targets = engine.style.stylization.transfer_targets(
            encoder_of(network, style_layers), small, regions, style_layers, size_of(small)
        )
        grid = engine.style.color_grid.color_grid(small, self.cell_px, self.luminance_bins)
        plan = self.plan(optimizer="lbfgs", kept=lambda _: grid.applied(photo))
        outcome = engine.optimization.optimize.descend(grid, self._objective(targets, grid), plan, context)
        items: dict[str, Item] = {
            "stylized": Image(pixels=engine.ranges.to_pixels(outcome.picture)),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
            "styles": Image(pixels=pictures_of(regions)),
            "animation": animation(outcome),
            **engine.result_items.traces(outcome.traces, TRACES),
            "layers": layers_table(network, targets, outcome.picture),
            **style_measures(outcome.picture, photo, full_regions, self.loaded_judge(network, context)),
            "steps": Scalar(value=outcome.steps, unit="steps"),
        }
        return self.result(items)

    def _regions(self, photo: Tensor, context: Context) -> list[Region]:
        """The regions of a photo (1, 3, H, W), with styles of its size."""
        styles = list(zip(self.styles, self.style_shares, strict=True))
        return regions_of(context, styles, self.mask, photo, max(size_of(photo)))

    def _objective(self, targets: TransferTargets, grid: ColorGrid) -> Objective:
        def objective(picture: Tensor, _: int) -> Mapping[str, Tensor]:
            content, style = targets.distances(picture)
            roughness = grid.roughness()
            total = self.content_weight * content + self.style_weight * style + self.smoothness * roughness
            terms = {"total": total, "content": content, "style": style, "smoothness": roughness}
            return {name: value[None] for name, value in terms.items()}

        return objective
