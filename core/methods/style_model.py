"""Style model: a network learns to repaint any picture in one style, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import learning
from core.errors import BadInput
from core.items import Result, Series
from core.method_base.judges import Judge
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.method_base.optimization import precision_parameter
from core.method_base.style import (
    MEASURED,
    Shares,
    Styles,
    captioned,
    check_one_for_each,
    judge_parameter,
    judging,
    shares_of,
    style_weights_parameter,
    styles_parameter,
)
from core.method_base.style_encoder import automatic_style_layers, encoder_of

if TYPE_CHECKING:
    from core.learning.fast_style.perceptual_loss import PerceptualLoss
    from core.learning.fast_style.judging import Styles as StylePictures
    from core.learning.fast_style.photos import Photos
    from core.learning.loop import Loop
    from core.media.picture import Picture
    from core.networks.network import Network

CURVES = {
    "total": ("Loss", "Whole loss, mean of about a hundredth of the steps"),
    "content": ("Distance", "Content: 0 is the photos', 1 a map that says the same everywhere"),
    "style": ("Distance", "Style: 1 is what the photos have on the mean, 0 the wanted one; mean of the layers"),
    "total_variation": ("Mean difference", "Total variation of the painted pictures"),
}
UNIT_PHOTOS = 8
"""Photos in whose units distances are told."""


class StyleModel(Method):
    """Minimizes over a painter's weights the loss of `style_transfer`, on the mean of many pictures."""

    title: ClassVar[str] = "Style model"
    summary: ClassVar[str] = (
        "Can a network learn a style once, and then repaint any picture in one pass? It learns from a data set, and "
        "the network of the column says what is content and what is style. Other methods then apply what was learned."
    )
    source: ClassVar[str] = (
        "Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155; instance normalization: Ulyanov et al. 2016, "
        "arXiv:1607.08022; no transposed convolutions: Odena et al. 2016 (Distill); activation smoothing: Wang, Li, "
        "Vasconcelos, CVPR 2021"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "Held-out pictures, and below each how it is painted"),
        Output("progress", "animation", "The same pictures from before the first step to the end, more often at first"),
        Output("styles", "image", "The styles, at the size at which they were learned"),
        *(Output(name, "series", caption) for name, (_, caption) in CURVES.items()),
        *(replace(output, caption=f"{output.caption}; mean of held-out pictures") for output in MEASURED),
        Output("parameters", "scalar", "Numbers that were learned"),
        Output("network", "weights", "The trained network, which `stylize` and `style_video` apply"),
    )

    styles: Styles = styles_parameter()
    style_weights: Shares = style_weights_parameter()
    content_weight: float = parameter(5.0, "Weight of the content: higher keeps more.", unit="", ge=0, le=1e4)
    style_weight: float = parameter(10.0, "Weight of the style: higher repaints more.", unit="", ge=0, le=1e4)
    steps: int = parameter(2000, "Steps of the optimizer, a batch each.", unit="steps", ge=1, le=200_000)
    size_px: int = parameter(128, "Side of the squares that it learns from; it then paints any size.", unit="px",
                             ge=32, le=512)  # fmt: skip
    style_px: int = parameter(
        224, "Longer side of the style pictures: smaller makes finer strokes, of so many pixels at any size.",
        unit="px", ge=32, le=1024,
    )  # fmt: skip
    smoothing: Literal["none", "softmax"] = parameter(
        "none",
        "Put activations through a softmax before they are compared: a few strong ones, as in networks with residual "
        "connections, then outweigh the others less.",
    )
    temperature: float = parameter(
        0.5,
        "Activations are divided by so many times a photo's greatest before the softmax: higher smooths more.",
        unit="", ge=0.05, le=100, when={"smoothing": ["softmax"]}, advanced=True,
    )  # fmt: skip
    width: int = parameter(
        16, "Channels at full size, two and four times as many at a half and a quarter of it; 32 in the paper.",
        unit="", ge=4, le=64, advanced=True,
    )  # fmt: skip
    batch_size: int = parameter(4, "Pictures a step, at most.", unit="", ge=1, le=64, advanced=True)
    learning_rate: float = parameter(
        1e-3, "Learning rate of Adam at the start, from where it falls to nothing.", unit="", gt=0, le=1, advanced=True
    )
    total_variation: float = parameter(
        1.0, "Weight of the total variation: higher is smoother.", unit="", ge=0, le=1e4, advanced=True
    )
    judge: Judge = judge_parameter()
    precision: Literal["float32", "bf16"] = precision_parameter()

    @model_validator(mode="after")
    def _has_a_weight_for_each(self) -> Self:
        check_one_for_each("style_weights", self.style_weights, "styles", len(self.styles))
        return self

    def subject(self) -> str:
        return f"{len(self.styles)} style{'s' * (len(self.styles) != 1)}, {self.steps} steps"

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        """Learn from where the checkpoint is, then measure what was learned."""
        if context.dataset is None:
            raise BadInput("a style model learns from a data set, and none was given")
        judge = judging(self.judge, network, context)  # one that cannot be had is told before the learning
        count = max(UNIT_PHOTOS, self.steps * self.batch_size)
        photos = learning.fast_style.photos.photos(context.dataset, self.size_px, count, context.seed, network.device)
        design = learning.fast_style.painter.Design(
            self.width, self.styles, tuple(shares_of(self.style_weights, len(self.styles))), self.style_px
        )
        styles = learning.fast_style.judging.styles_of(design, context, network.device)
        painter = learning.fast_style.painter.build(design, context.seed)
        learner = learning.fast_style.learner.StyleLearner(
            painter, self._goal(network, photos, styles), self._recipe, photos.held_out
        )
        trained = learning.fast_style.evaluation.Evaluation(learner, photos.held_out, styles, judge)
        plan = learning.loop.Plan(0, self.batch_size, context.seed, self.steps)
        loop = learning.loop.Loop(learner, photos.training, plan)
        loop.run(context, extra_steps=len(trained.stages))
        items = loop.run_stages(trained.stages, context)
        items |= _curves(loop) | {"network": learning.fast_style.stored.as_weights(painter)}
        return Result(captioned(items, self.outputs))

    def _goal(self, network: Network, photos: Photos, styles: StylePictures) -> PerceptualLoss:
        measured = learning.pictures.as_values(photos.training[:UNIT_PHOTOS])
        style_layers = automatic_style_layers(network, measured[:1])
        style_layers = replace(style_layers, smoothing=self.temperature if self.smoothing == "softmax" else 0.0)
        return learning.fast_style.perceptual_loss.perceptual_loss(encoder_of(network, style_layers), measured, styles, style_layers)

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
    """Every term against the step, as the live chart shows it."""
    curves = loop.curves()
    return {name: replace(curves[name], y_label=label) for name, (label, _) in CURVES.items()}
