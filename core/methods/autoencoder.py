"""Autoencoder: a network learns to draw pictures again from a code of few values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core import learning
from core.errors import BadInput
from core.items import Result, Series
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.method_base.optimization import precision_parameter

if TYPE_CHECKING:
    from core.learning.autoencoder.autoencoder import Design
    from core.learning.autoencoder.learner import AutoencoderLearner, Recipe
    from core.learning.loop import Loop
    from core.learning.pictures import Pictures
    from core.media.picture import Picture

RATES = {"linear": 0.02, "dense": 0.005, "convolutional": 0.005}
"""Where nobody asks for another; tried on the digits and on photos of 64 px."""
ERRORS = {"mse": "Mean squared error", "mae": "Mean absolute error"}


class Autoencoder(Method):
    """x' = f(g(x)), so that the loss of x' against x becomes small; see `core.learning.autoencoder`."""

    title: ClassVar[str] = "Autoencoder"
    summary: ClassVar[str] = (
        "What of a picture fits into few numbers? An encoder makes a code of it, a decoder draws it again; "
        "beside it stands PCA, the best linear code of as many numbers."
    )
    source: ClassVar[str] = (
        "Hinton and Salakhutdinov 2006 (Science 313); denoising: Vincent et al. 2008 (ICML); sparse codes: Olshausen "
        "and Field 1996 (Nature 381), the greatest of a batch: Bussmann et al. 2024, arXiv:2412.06410; unpooling: "
        "Zeiler and Fergus 2013, arXiv:1311.2901; checkerboards: Odena et al. 2016 (Distill)"
    )
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstructions", "image", "Held-out pictures as the decoder draws them"),
        Output("errors", "map", "How far each pixel is from the original: |difference|, mean over colors"),
        Output("originals", "image", "The held-out pictures, each at the same place in every sheet"),
        Output("inputs", "image", "What the encoder was given", optional=True),
        Output("units", "image", "What units draw, strongest first: the mean code with one lower, below it higher"),
        Output("walk", "animation", "Up to 16 units, each from 3 standard deviations below its mean to 3 above it"),
        Output("codes_pca", "embedding", "Codes of up to 1,000 pictures, along their two principal directions"),
        Output("codes_tsne", "embedding", "The same codes by t-SNE: neighbors stay neighbors"),
        Output("loss", "series", "Mean loss of each epoch"),
        Output("held_out_loss", "series", "Loss on held-out pictures after each epoch"),
        Output("held_out_error", "scalar", "Mean squared error on held-out pictures; a value's range is 1"),
        Output("pca_error", "scalar", "The same error of PCA with as many values, given the same inputs"),
        Output("noise_removed", "scalar", "Share of the noise's squared error that is gone", optional=True),
        Output("active", "scalar", "Units that are not 0 for a held-out picture, on the mean", optional=True),
        Output(
            "stride_energy", "scalar", "Energy of the reconstructions in waves of 2 px, as of a checkerboard's",
            optional=True,
        ),
        Output("accuracy_codes", "scalar", "Linear classifier on the codes, by cross-validation", optional=True),
        Output("accuracy_pca", "scalar", "The same on PCA's codes of as many values", optional=True),
        Output("accuracy_pixels", "scalar", "The same on the raw pixels", optional=True),
        Output("accuracy_pretrained", "scalar", "Classifier of few labels, going on from the encoder", optional=True),
        Output("accuracy_scratch", "scalar", "The same from an encoder that has learned nothing", optional=True),
        Output("compression", "scalar", "Values of a picture for each number that the decoder is given"),
        Output("pca_angle", "scalar", "Largest angle between what it draws and PCA's subspace", optional=True),
        Output("parameters", "scalar", "Numbers that were learned"),
        Output("network", "weights", "The trained autoencoder, which `encode` and `reconstruct` apply to others"),
    )  # fmt: skip

    kind: Literal["plain", "denoising", "sparse"] = parameter(
        "plain",
        "Plain; from noised pictures to the clean ones; or with a code most of whose units are 0.",
    )
    noise: Literal["pixels", "patch"] = parameter(
        "pixels", "Noise on every pixel, or a square of the picture blacked out.", when={"kind": ["denoising"]}
    )
    noise_std: float = parameter(
        0.3, "Standard deviation of the noise; a pixel's range is 1.", unit="", gt=0, le=2,
        when={"kind": ["denoising"], "noise": ["pixels"]},
    )  # fmt: skip
    patch_share: float = parameter(
        0.4, "Side of the black square, as a share of the picture's.", unit="", gt=0, lt=1,
        when={"kind": ["denoising"], "noise": ["patch"]},
    )  # fmt: skip
    penalty: Literal["l1", "l2"] = parameter(
        "l1",
        "l1 costs a code its sum, weighted so that as many units are left as asked for; l2 costs it its squares, which "
        "makes no unit 0: there the greatest are kept, as many as asked for.",
        when={"kind": ["sparse"]},
    )
    active_share: float = parameter(
        0.2, "Share of the code's units that shall not be 0 for a picture, on the mean.", unit="", ge=0.01, le=0.9,
        when={"kind": ["sparse"]},
    )  # fmt: skip
    architecture: Literal["linear", "dense", "convolutional"] = parameter(
        "convolutional",
        "Linear: one layer each way without bias; dense: two; convolutional: blocks that halve the side.",
    )
    decoder: Literal["nearest", "unpooling", "transposed"] = parameter(
        "nearest",
        "How a side is doubled: nearest neighbors; maxima back where the encoder found them; transposed convolution. "
        "All learn equally many numbers.",
        when={"architecture": ["convolutional"]},
    )
    code_size: int = parameter(16, "Values of the code.", unit="", ge=2, le=1024)
    loss: Literal["mse", "mae"] = parameter("mse", "Squared or absolute difference of the pixels.")
    epochs: int = parameter(60, "How often each picture is shown.", unit="", ge=1, le=10_000)
    labels_per_class: int = parameter(
        3, "Labels a class from which a classifier learns in the end, with and without what was learned; 0: none.",
        unit="", ge=0, le=1000,
    )  # fmt: skip
    input_px: int | None = parameter(
        None, "Side to which pictures are brought, a multiple of 4; left empty: their own, at most 64.", unit="px",
        ge=8, le=128, advanced=True,
    )  # fmt: skip
    width: int = parameter(
        16, "Channels of the first convolution, doubled at each halving; a dense one becomes about as large.", unit="",
        ge=2, le=128, when={"architecture": ["dense", "convolutional"]}, advanced=True,
    )  # fmt: skip
    batch_size: int = parameter(64, "Pictures a step, at most.", unit="", ge=1, le=4096, advanced=True)
    learning_rate: float | None = parameter(
        None, "Learning rate of Adam at the start, from where it falls; left empty: 0.02 for linear, 0.005 for others.",
        unit="", gt=0, le=1, advanced=True,
    )  # fmt: skip
    precision: Literal["float32", "bf16"] = precision_parameter()

    @model_validator(mode="after")
    def _can_be_halved(self) -> Self:
        if self.input_px is not None and self.input_px % 4:
            raise ValueError(f"input_px must be a multiple of 4, got {self.input_px}")
        return self

    def subject(self) -> str:
        decoder = f", {self.decoder}" if self.architecture == "convolutional" else ""
        return f"{self.kind} {self.architecture} autoencoder{decoder}, code of {self.code_size}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Learn from where the checkpoint is, then measure what was learned."""
        if context.dataset is None:
            raise BadInput("an autoencoder learns from a data set, and none was given")
        given = learning.pictures.in_memory(context.dataset, self.input_px, context.device)
        learner = self.learner(given, context.seed)
        plan = learning.loop.Plan(self.epochs, self.batch_size, context.seed)
        loop = learning.loop.Loop(learner, given.training, plan)
        model = learner.model
        trained = learning.autoencoder.evaluation.Evaluation(model, given, learner.recipe, self.labels_per_class)
        loop.run(context, extra_steps=len(trained.stages))
        model.eval()
        model.learn_default_positions(learning.pictures.as_values(given.held_out[:256]))
        items = loop.run_stages(trained.stages, context)
        items |= self._curves(loop) | {"network": learning.autoencoder.stored.as_weights(model)}
        said = {out.name: f"{out.caption}{items[out.name].caption}" for out in self.outputs if out.name in items}
        return Result({name: replace(items[name], caption=caption) for name, caption in said.items()})

    def learner(self, given: Pictures, seed: int) -> AutoencoderLearner:
        """One that has learned nothing yet of these pictures."""
        mean = learning.pictures.mean_picture(given.training)
        model = learning.autoencoder.autoencoder.build(self._design(given), mean.cpu(), seed)
        return learning.autoencoder.learner.AutoencoderLearner(model, self._recipe(seed), given.held_out)

    def _design(self, given: Pictures) -> Design:
        sparse = self.kind == "sparse"
        return learning.autoencoder.autoencoder.Design(
            architecture=self.architecture,
            side_px=given.side_px,
            channels=given.channels,
            code=self.code_size,
            width=self.width,
            decoder=self.decoder,
            rectified=sparse,
            kept=self.active_share if sparse and self.penalty == "l2" else None,
        )

    def _recipe(self, seed: int) -> Recipe:
        learner, noise = learning.autoencoder.learner, learning.autoencoder.noise
        amount = self.noise_std if self.noise == "pixels" else self.patch_share
        return learner.Recipe(
            seed=seed,
            learning_rate=self.learning_rate or RATES[self.architecture],
            loss=self.loss,
            noise=noise.Noise(self.noise, amount) if self.kind == "denoising" else None,
            sparsity=learner.Sparsity(self.penalty, self.active_share) if self.kind == "sparse" else None,
            precision=self.precision,
        )

    def _curves(self, loop: Loop) -> dict[str, Series]:
        """Both losses against the epoch, for one chart."""
        curves = loop.curves()
        return {name: replace(curves[name], y_label=ERRORS[self.loss]) for name in ("loss", "held_out_loss")}
