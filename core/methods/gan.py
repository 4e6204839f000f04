"""GAN: two networks learn against each other, and one of them then draws pictures like those of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import learning
from core.errors import BadInput
from core.items import Floats, Result, Series
from core.method_base.judges import Judge
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.networks.catalog import get_card

if TYPE_CHECKING:
    from core.learning.gan.learner import GanLearner
    from core.learning.loop import Loop
    from core.learning.pictures import Pictures
    from core.media.picture import Picture

SIDES = (16, 32, 64)
FEATURES = get_card("bundled/cnn").identity
LABELS = {
    "generator_loss": "Loss",
    "discriminator_loss": "Loss",
    "discriminator_accuracy": "Share named right",
}
LAST = 10
"""The end is the last so-many-th of the epochs."""
NEARLY_ALL, HARDLY = 0.95, 0.55


class Gan(Method):
    """A DCGAN with the non-saturating loss; see `core.learning.gan`."""

    title: ClassVar[str] = "GAN"
    summary: ClassVar[str] = (
        "Can a network draw new pictures like these? A generator learns to deceive a discriminator, which learns to "
        "tell its pictures from real ones; what it draws is compared with pictures that neither has seen."
    )
    source: ClassVar[str] = (
        "Goodfellow et al. 2014, arXiv:1406.2661; DCGAN: Radford et al. 2015, arXiv:1511.06434; one-sided label "
        "smoothing: Salimans et al. 2016, arXiv:1606.03498; spectral normalization: Miyato et al. 2018, "
        "arXiv:1802.05957; averaged generator: Yazici et al. 2018, arXiv:1806.04498; Frechet distance of features: "
        "Heusel et al. 2017, arXiv:1706.08500"
    )
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "What the averaged generator draws of the latents number 0 to 15"),
        Output("nearest", "image", "The same samples, and below each the training picture that is nearest by pixels"),
        Output("progress", "animation", "The same latents from before the first step to the end, more often at first"),
        Output("walk", "animation", "From each of the same latents to the next, along the sphere on which latents lie"),
        Output("generator_loss", "series", "Cross-entropy of its pictures being taken for real, mean of each epoch"),
        Output("discriminator_loss", "series", "Cross-entropy on real pictures and on drawn ones, added"),
        Output(
            "discriminator_accuracy", "series",
            "Share of real and drawn pictures that the discriminator names right: at 1 it wins, at 0.5 the generator",
        ),
        Output(
            "frechet_distance", "scalar",
            "Frechet distance (squared) of samples to equally many held-out pictures, at most 500, along the principal "
            "directions of the training pictures' features, one for ten pictures; not FID, whose network is another",
            optional=True,
        ),
        Output(
            "frechet_floor", "scalar",
            "The same distance of as many training pictures to the held-out ones: what a perfect generator would have",
            optional=True,
        ),
        Output(
            "copying", "scalar",
            "Distance of samples to the nearest training picture; under 1: they are copies, or blurred",
        ),
        Output(
            "diversity", "scalar", "Distance between two samples; near 0: all are one picture", optional=True
        ),
        Output("parameters", "scalar", "Numbers that the generator learned"),
        Output("network", "weights", "The averaged generator, which `sample` applies"),
    )  # fmt: skip

    latent_dim: int = parameter(64, "Values that a picture is made from.", unit="", ge=2, le=512)
    epochs: int = parameter(80, "How often each picture is shown.", unit="", ge=1, le=10_000)
    normalization: Literal["batch", "spectral"] = parameter(
        "spectral",
        "What tames the discriminator: batch normalization as in DCGAN, or weights divided by their greatest singular "
        "value, with which it does not win on few pictures.",
    )
    input_px: int | None = parameter(
        None, "Side to which pictures are brought: 16, 32 or 64; left empty: their own, enlarged to one of these.",
        unit="px", ge=16, le=64,
    )  # fmt: skip
    width: int = parameter(
        32, "Channels at the largest side, doubled at each smaller one.", unit="", ge=4, le=256, advanced=True
    )
    batch_size: int = parameter(32, "Pictures a step, at most.", unit="", ge=2, le=4096, advanced=True)
    generator_learning_rate: float = parameter(
        1e-3,
        "Learning rate of the generator's Adam at the start, from where it falls to nothing.",
        unit="",
        gt=0,
        le=1,
        advanced=True,
    )
    discriminator_learning_rate: float = parameter(
        1e-3, "The same of the discriminator's.", unit="", gt=0, le=1, advanced=True
    )
    beta1: float = parameter(0.5, "Decay of both Adams' mean gradient, a step.", unit="", ge=0, lt=1, advanced=True)
    label_smoothing: float = parameter(
        0.1, "Real pictures count as real by so much less than 1.", unit="", ge=0, le=0.5, advanced=True
    )
    ema_decay: float = parameter(
        0.998, "Decay of the moving average of the generator's weights, a step.", unit="", ge=0, lt=1, advanced=True
    )
    judge: Judge = parameter(
        (FEATURES,), "Network in whose features samples are compared with held-out pictures.", choices="networks",
        advanced=True,
    )  # fmt: skip

    @model_validator(mode="after")
    def _is_a_side(self) -> Self:
        if self.input_px not in (None, *SIDES):
            raise ValueError(f"input_px must be 16, 32 or 64, got {self.input_px}")
        return self

    def subject(self) -> str:
        return f"latent of {self.latent_dim}, {self.epochs} epoch{'s' * (self.epochs != 1)}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Learn from where the checkpoint is, then measure what was learned."""
        if context.dataset is None:
            raise BadInput("a GAN learns from a data set, and none was given")
        side = self.input_px or _side(learning.pictures.median_side(context.dataset.pictures))
        given = learning.pictures.in_memory(context.dataset, side, context.device)
        learner = self._learner(given, context)
        enough = learning.gan.evaluation.has_enough_pictures(given)
        judge = context.network(self.judge[0]) if enough else None  # one that cannot be had is told before the learning
        trained = learning.gan.evaluation.Evaluation(learner, given, judge, context.seed)
        loop = learning.loop.Loop(
            learner, given.training, learning.loop.Plan(self.epochs, self.batch_size, context.seed)
        )
        loop.run(context, extra_steps=len(trained.stages))
        items = loop.run_stages(trained.stages, context)
        items |= _curves(loop) | {"network": learning.gan.stored.as_weights(learner.ema)}
        said = {out.name: f"{out.caption}{items[out.name].caption}" for out in self.outputs if out.name in items}
        return Result({name: replace(items[name], caption=caption) for name, caption in said.items()})

    def _learner(self, given: Pictures, context: Context) -> GanLearner:
        design = learning.gan.networks.Design(given.side_px, given.channels, self.latent_dim, self.width)
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


def _side(own_px: int) -> int:
    """The least side that holds pictures of this one."""
    return next((side for side in SIDES if side >= own_px), SIDES[-1])


def _curves(loop: Loop) -> dict[str, Series]:
    """Against the epoch; that of the accuracy says who has won."""
    curves = {name: replace(curve, y_label=LABELS[name]) for name, curve in loop.curves().items()}
    accuracy = curves["discriminator_accuracy"]
    return curves | {"discriminator_accuracy": replace(accuracy, caption=_verdict(accuracy.y))}


def _verdict(accuracy: Floats) -> str:
    """A sentence on the accuracies of all epochs, (T,)."""
    last = float(accuracy[-max(1, len(accuracy) // LAST) :].mean())
    if last > NEARLY_ALL:
        said = "it wins: the generator learns little from one that is hardly ever wrong"
    elif last < HARDLY:
        said = "the generator wins: it learns little from one that only guesses"
    else:
        said = "neither has won"
    return f"; in the last epochs {last:.2f}, {said}"
