"""GAN: a generator learns to produce images like those of a data set, against a discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import learning
from core.errors import BadInput
from core.items import Floats, Item, Result
from core.method_base.judges import Judge
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.catalog import get_card

if TYPE_CHECKING:
    from core.learning.gan.learner import GanLearner
    from core.learning.loop import Loop
    from core.learning.pictures import Pictures
    from core.media.picture import Picture

SIDES = (16, 32, 64)
"""Possible sides of the images, in pixels."""
FEATURE_JUDGE = get_card("bundled/cnn").identity
Y_LABELS = {"generator_loss": "Loss", "discriminator_loss": "Loss", "discriminator_accuracy": "Accuracy"}
FINAL_SHARE = 10
"""The final epochs are the last 1/10 of all."""
DISCRIMINATOR_WINS, GENERATOR_WINS = 0.95, 0.55
"""Mean accuracy of the discriminator in the final epochs above and below which one of them wins."""


class Gan(Method):
    """A DCGAN with the non-saturating loss; see `core.learning.gan`."""

    title: ClassVar[str] = "GAN"
    summary: ClassVar[str] = (
        "Can a network generate new images like these? A generator learns to deceive a discriminator, which learns to "
        "distinguish generated from real images. The samples are compared with validation images."
    )
    source: ClassVar[str] = (
        "Goodfellow et al. 2014b, arXiv:1406.2661; Radford et al. 2015, arXiv:1511.06434 (DCGAN); "
        "Salimans et al. 2016, arXiv:1606.03498 (one-sided label smoothing); "
        "Miyato et al. 2018, arXiv:1802.05957 (spectral normalization); "
        "Yazici et al. 2018, arXiv:1806.04498 (averaged generator); "
        "Heusel et al. 2017, arXiv:1706.08500 (Fréchet distance)"
    )
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 3
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "Samples of the averaged generator from the latents 0 to 15"),
        Output("nearest", "image", "The same samples, with the nearest training image (by pixels) below each"),
        Output("progress", "animation", "The same samples during the training, with more frames at its start"),
        Output("walk", "animation", "Spherical interpolation between the same latents"),
        Output("generator_loss", "series", "Generator loss: cross-entropy of its images as real, mean of each epoch"),
        Output("discriminator_loss", "series", "Discriminator loss: cross-entropy on real plus on generated images"),
        Output(
            "discriminator_accuracy", "series",
            "Accuracy of the discriminator on real and generated images; at 1 it wins, at 0.5 the generator",
        ),
        Output(
            "frechet_distance", "scalar",
            "Squared Fréchet distance between samples and at most 500 validation images in the judge's features, on "
            "one principal component of the training images per ten images; not comparable with FID",
            optional=True,
        ),
        Output(
            "frechet_floor", "scalar",
            "Fréchet distance between as many training and validation images: the best that a generator can reach",
            optional=True,
        ),
        Output(
            "copying", "scalar", "Distance of samples to the nearest training image; below 1: copies, or blurred"
        ),
        Output(
            "diversity", "scalar", "Mean distance between two samples; near 0: all samples are alike", optional=True
        ),
        Output("parameters", "scalar", "Number of trained parameters of the generator"),
        Output("network", "weights", "Averaged generator, for `sample`"),
    )  # fmt: skip

    latent_dim: int = parameter(64, "Size of a latent.", unit="", ge=2, le=512)
    epochs: int = parameter(80, "Passes over all training images.", unit="", ge=1, le=10_000)
    normalization: Literal["batch", "spectral"] = parameter(
        "spectral",
        "Normalization of the discriminator: batch, as in DCGAN; or spectral, with which it does not win on small data "
        "sets.",
    )
    input_px: int | None = parameter(
        None, "Side of the images: 16, 32 or 64. Default: the next one from their own side.", unit="px", ge=16, le=64
    )
    width: int = parameter(
        32, "Channels at full resolution, doubled at each halving.", unit="", ge=4, le=256, advanced=True
    )
    batch_size: int = parameter(32, "Maximum batch size.", unit="", ge=2, le=4096, advanced=True)
    generator_learning_rate: float = parameter(
        1e-3, "Initial learning rate of the generator's Adam, which decays to 0.", unit="", gt=0, le=1, advanced=True
    )
    discriminator_learning_rate: float = parameter(
        1e-3, "Initial learning rate of the discriminator's Adam, which decays to 0.", unit="", gt=0, le=1,
        advanced=True,
    )  # fmt: skip
    beta1: float = parameter(0.5, "β1 of Adam, for both networks.", unit="", ge=0, lt=1, advanced=True)
    label_smoothing: float = parameter(
        0.1, "One-sided label smoothing: subtracted from the label 1 of real images.", unit="", ge=0, le=0.5,
        advanced=True,
    )  # fmt: skip
    ema_decay: float = parameter(
        0.998, "Decay per step of the generator's averaged weights (EMA).", unit="", ge=0, lt=1, advanced=True
    )
    judge: Judge = parameter(
        (FEATURE_JUDGE,), "Judge: the network whose features are compared by the Fréchet distance.",
        choices="networks", advanced=True,
    )  # fmt: skip

    @model_validator(mode="after")
    def _is_a_side(self) -> Self:
        if self.input_px not in (None, *SIDES):
            raise ValueError(f"input_px must be 16, 32 or 64, got {self.input_px}")
        return self

    def subject(self) -> str:
        return f"latent of {self.latent_dim}, {self.epochs} epoch{'s' * (self.epochs != 1)}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Train from the checkpoint on, then evaluate."""
        if context.dataset is None:
            raise BadInput("a GAN is trained on a data set, and none was given")
        side = self.input_px or _next_side(learning.pictures.median_side(context.dataset.pictures))
        data = learning.pictures.in_memory(context.dataset, side, context.device)
        learner = self._learner(data, context)
        has_enough = learning.gan.evaluation.has_enough_pictures(data)
        judge = context.network(self.judge[0]) if has_enough else None  # unavailable: raises before the training
        evaluation = learning.gan.evaluation.Evaluation(learner, data, judge, context.seed)
        plan = learning.loop.Plan(self.epochs, self.batch_size, context.seed)
        loop = learning.loop.Loop(learner, data.training, plan)
        loop.run(context, extra_steps=len(evaluation.stages))
        items = loop.run_stages(evaluation.stages, context)
        items |= self._curves(loop) | {"network": learning.gan.stored.as_weights(learner.ema)}
        return self.result(items)

    def _curves(self, loop: Loop) -> dict[str, Item]:
        """Losses and accuracy against the epoch; the caption of the accuracy says which network wins."""
        curves = {name: replace(curve, y_label=Y_LABELS[name]) for name, curve in loop.curves().items()}
        accuracy = curves["discriminator_accuracy"]
        caption = f"{self.captions()['discriminator_accuracy']}; {outcome(accuracy.y)}"
        return {**curves, "discriminator_accuracy": replace(accuracy, caption=caption)}

    def _learner(self, data: Pictures, context: Context) -> GanLearner:
        design = learning.gan.networks.Design(data.side_px, data.channels, self.latent_dim, self.width)
        recipe = learning.gan.learner.Recipe(
            seed=context.seed,
            generator_learning_rate=self.generator_learning_rate,
            discriminator_learning_rate=self.discriminator_learning_rate,
            beta1=self.beta1,
            label_smoothing=self.label_smoothing,
            ema_decay=self.ema_decay,
        )
        both = learning.gan.networks.build(design, self.normalization, context.seed)
        return learning.gan.learner.GanLearner(*both, recipe, context.device)


def _next_side(own_px: int) -> int:
    """The smallest side that is not smaller than `own_px`, or the largest one."""
    return next((side for side in SIDES if side >= own_px), SIDES[-1])


def outcome(accuracy: Floats) -> str:
    """Which network wins, in words, from the discriminator's accuracy in each epoch (T,)."""
    final = float(accuracy[-max(1, len(accuracy) // FINAL_SHARE) :].mean())
    if final > DISCRIMINATOR_WINS:
        winner = "the discriminator wins, and the generator learns little"
    elif final < GENERATOR_WINS:
        winner = "the generator wins, and learns little from a discriminator that guesses"
    else:
        winner = "neither wins"
    return f"{final:.2f} in the final epochs, {winner}"
