"""Style model: a network is trained to stylize any picture in one style, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from core import learning
from core.errors import BadInput
from core.items import Result, Series
from core.method_base.method import Context, MethodFamily, Needs, Output, parameter
from core.method_base.optimization import precision_parameter
from core.method_base.style import STYLE_MEASURES, ActivationSmoothing, JudgedStyle, StyleMethod
from core.method_base.style_encoder import automatic_style_layers, encoder_of

if TYPE_CHECKING:
    from core.learning.fast_style.judging import Styles as StylePictures
    from core.learning.fast_style.perceptual_loss import PerceptualLoss
    from core.learning.fast_style.photos import Photos
    from core.learning.loop import Loop
    from core.media.picture import Picture
    from core.networks.network import Network

CURVES = {
    "total": ("Loss", "Total loss, mean over about a hundredth of the steps"),
    "content": ("Distance", "Content distance; 0 is the photo, 1 a constant map"),
    "style": ("Distance", "Style distance, mean over the layers; 1 is the mean of the photos, 0 the target style"),
    "total_variation": ("Mean difference", "Total variation of the stylized images"),
}
UNIT_PHOTOS = 8
"""Photos that determine the units of the distances."""


class StyleModel(StyleMethod, ActivationSmoothing, JudgedStyle):
    """Minimizes the loss of `style_transfer`, averaged over many images, over the weights of a network."""

    title: ClassVar[str] = "Style model"
    summary: ClassVar[str] = (
        "Can a network learn a style, and then stylize any picture in one pass? It is trained on a data set; the "
        "network of the column defines content and style. The methods `stylize` and `style_video` apply it."
    )
    source: ClassVar[str] = (
        "Johnson et al. 2016, arXiv:1603.08155; Ulyanov et al. 2016, arXiv:1607.08022 (instance normalization); Odena "
        "et al. 2016, doi:10.23915/distill.00003 (no transposed convolutions); Wang et al. 2021, CVPR (activation "
        "smoothing)"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "Validation images, with the stylized image below each"),
        Output("progress", "animation", "The same images during the training, with more frames at its start"),
        Output("styles", "image", "Style images at the size at which they are used"),
        *(Output(name, "series", caption) for name, (_, caption) in CURVES.items()),
        *(replace(output, caption=f"{output.caption}; mean over validation images") for output in STYLE_MEASURES),
        Output("parameters", "scalar", "Number of trained parameters"),
        Output("network", "weights", "Trained network, for `stylize` and `style_video`"),
    )

    content_weight: float = parameter(5.0, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher changes more.", unit="", ge=0, le=1e4)
    steps: int = parameter(2000, "Training steps, one batch each.", unit="steps", ge=1, le=200_000)
    size_px: int = parameter(
        128, "Side of the training images; the trained network takes any size.", unit="px", ge=32, le=512
    )
    style_px: int = parameter(
        224, "Longer side of the style images: smaller gives finer strokes, of the same size in pixels in any result.",
        unit="px", ge=32, le=1024,
    )  # fmt: skip
    width: int = parameter(
        16, "Channels at full resolution; twice and four times as many at 1/2 and 1/4 of it. The paper has 32.",
        unit="", ge=4, le=64, advanced=True,
    )  # fmt: skip
    batch_size: int = parameter(4, "Maximum batch size.", unit="", ge=1, le=64, advanced=True)
    learning_rate: float = parameter(
        1e-3, "Initial learning rate of Adam, which decays to 0.", unit="", gt=0, le=1, advanced=True
    )
    total_variation: float = parameter(
        1.0, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )
    precision: Literal["float32", "bf16"] = precision_parameter()

    def subject(self) -> str:
        return f"{len(self.styles)} style{'s' * (len(self.styles) != 1)}, {self.steps} steps"

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        """Train from the checkpoint on, then evaluate."""
        if context.dataset is None:
            raise BadInput("a style model is trained on a data set, and none was given")
        judge = self.loaded_judge(network, context)  # an unavailable one raises before the training
        count = max(UNIT_PHOTOS, self.steps * self.batch_size)
        photos = learning.fast_style.photos.photos(context.dataset, self.size_px, count, context.seed, network.device)
        design = learning.fast_style.painter.Design(self.width, self.styles, tuple(self.style_shares), self.style_px)
        styles = learning.fast_style.judging.styles_of(design, context, network.device)
        painter = learning.fast_style.painter.build(design, context.seed)
        loss = self._loss(network, photos, styles)
        learner = learning.fast_style.learner.StyleLearner(painter, loss, self._recipe, photos.held_out)
        evaluation = learning.fast_style.evaluation.Evaluation(learner, photos.held_out, styles, judge)
        plan = learning.loop.Plan(0, self.batch_size, context.seed, self.steps)
        loop = learning.loop.Loop(learner, photos.training, plan)
        loop.run(context, extra_steps=len(evaluation.stages))
        items = loop.run_stages(evaluation.stages, context)
        items |= _curves(loop) | {"network": learning.fast_style.stored.as_weights(painter)}
        return self.result(items)

    def _loss(self, network: Network, photos: Photos, styles: StylePictures) -> PerceptualLoss:
        unit_photos = learning.pictures.as_values(photos.training[:UNIT_PHOTOS])
        style_layers = self.smoothed(automatic_style_layers(network, unit_photos[:1]))
        perceptual_loss = learning.fast_style.perceptual_loss.perceptual_loss
        return perceptual_loss(encoder_of(network, style_layers), unit_photos, styles, style_layers)

    @property
    def _recipe(self) -> learning.fast_style.learner.Recipe:
        return learning.fast_style.learner.Recipe(
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            variation_weight=self.total_variation,
            learning_rate=self.learning_rate,
            precision=self.precision,
        )


def _curves(loop: Loop) -> dict[str, Series]:
    """Each term of the loss against the step."""
    curves = loop.curves()
    return {name: replace(curves[name], y_label=label) for name, (label, _) in CURVES.items()}
