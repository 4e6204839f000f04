"""Autoencoder: a network is trained to reconstruct images from a code of few values."""

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

LEARNING_RATES = {"linear": 0.02, "dense": 0.005, "convolutional": 0.005}
"""Architecture -> default learning rate, tuned on the digits and on photos of 64 px."""
LOSSES = {"mse": "Mean squared error", "mae": "Mean absolute error"}


class Autoencoder(Method):
    """Minimizes the loss between x and x' = f(g(x)); see `core.learning.autoencoder`."""

    title: ClassVar[str] = "Autoencoder"
    summary: ClassVar[str] = (
        "How much of a picture fits into a few numbers? An encoder compresses each image to a code, and a decoder "
        "reconstructs it. PCA, the best linear code of the same size, is the reference."
    )
    source: ClassVar[str] = (
        "Hinton and Salakhutdinov 2006, Science 313; Vincent et al. 2008, ICML (denoising); "
        "Olshausen and Field 1996, Nature 381 (sparse codes); "
        "Bussmann et al. 2024, arXiv:2412.06410 (largest units of a batch); "
        "Zeiler and Fergus 2013, arXiv:1311.2901 (unpooling); "
        "Odena et al. 2016, doi:10.23915/distill.00003 (checkerboard artifacts)"
    )
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 3
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstructions", "image", "Reconstructions of validation images"),
        Output("errors", "map", "Reconstruction error of each pixel: |difference|, mean over colors"),
        Output("originals", "image", "Validation images, in the same order in every sheet"),
        Output("inputs", "image", "Noisy inputs of the encoder", optional=True),
        Output("units", "image", "Mean code with one unit decreased and, below, increased; strongest units first"),
        Output("walk", "animation", "Up to 16 units, each from 3 standard deviations below its mean to 3 above"),
        Output("codes_pca", "embedding", "Codes of up to 1,000 images, projected on two principal components"),
        Output("codes_tsne", "embedding", "The same codes by t-SNE, which keeps neighbors together"),
        Output("loss", "series", "Training loss, mean of each epoch"),
        Output("held_out_loss", "series", "Validation loss after each epoch"),
        Output("held_out_error", "scalar", "Mean squared error on validation images, for pixels with range 1"),
        Output("pca_error", "scalar", "Mean squared error of PCA with the same code size and inputs"),
        Output("noise_removed", "scalar", "Share of the noise's squared error that is removed", optional=True),
        Output("active", "scalar", "Mean share of units that are not 0 for a validation image", optional=True),
        Output(
            "stride_energy", "scalar", "Energy of waves of 2 px in the reconstructions, as of checkerboard artifacts",
            optional=True,
        ),
        Output("accuracy_codes", "scalar", "Accuracy of a linear classifier on codes, cross-validated", optional=True),
        Output("accuracy_pca", "scalar", "Accuracy of a linear classifier on PCA codes", optional=True),
        Output("accuracy_pixels", "scalar", "Accuracy of a linear classifier on raw pixels", optional=True),
        Output("accuracy_pretrained", "scalar", "Accuracy with few labels, from this encoder", optional=True),
        Output("accuracy_scratch", "scalar", "Accuracy with few labels, from a random encoder", optional=True),
        Output("compression", "scalar", "Values of an image per input value of the decoder"),
        Output("pca_angle", "scalar", "Largest angle between the subspaces of decoder and PCA", optional=True),
        Output("parameters", "scalar", "Number of trained parameters"),
        Output("network", "weights", "Trained autoencoder, for `encode` and `reconstruct`"),
    )  # fmt: skip

    kind: Literal["plain", "denoising", "sparse"] = parameter(
        "plain", "Plain; denoising: reconstruct clean images from noisy ones; or sparse: most units of a code are 0."
    )
    noise: Literal["pixels", "patch"] = parameter(
        "pixels", "Noise on all pixels, or a black square.", when={"kind": ["denoising"]}
    )
    noise_std: float = parameter(
        0.3, "Standard deviation of the noise, for pixels with range 1.", unit="", gt=0, le=2,
        when={"kind": ["denoising"], "noise": ["pixels"]},
    )  # fmt: skip
    patch_share: float = parameter(
        0.4, "Side of the black square, as a share of the image's side.", unit="", gt=0, lt=1,
        when={"kind": ["denoising"], "noise": ["patch"]},
    )  # fmt: skip
    penalty: Literal["l1", "l2"] = parameter(
        "l1",
        "Penalty on codes: L1, with a weight that leaves the given share of units active; or L2, which makes no unit "
        "0, so that only the given share of largest units is kept.",
        when={"kind": ["sparse"]},
    )
    active_share: float = parameter(
        0.2, "Mean share of units that are not 0 for an image.", unit="", ge=0.01, le=0.9, when={"kind": ["sparse"]}
    )
    architecture: Literal["linear", "dense", "convolutional"] = parameter(
        "convolutional",
        "Layers of encoder and decoder: one without bias (linear), two (dense), or blocks that halve the side "
        "(convolutional).",
    )
    decoder: Literal["nearest", "unpooling", "transposed"] = parameter(
        "nearest",
        "Upsampling in the decoder: nearest neighbor, unpooling to the maxima of the encoder, or transposed "
        "convolution. All have the same number of parameters.",
        when={"architecture": ["convolutional"]},
    )
    code_size: int = parameter(16, "Size of the code.", unit="", ge=2, le=1024)
    loss: Literal["mse", "mae"] = parameter("mse", "Loss: squared or absolute differences of pixels.")
    epochs: int = parameter(60, "Passes over all training images.", unit="", ge=1, le=10_000)
    labels_per_class: int = parameter(
        3, "Labels per class for a final classifier with a pretrained and with a random encoder; 0: none.", unit="",
        ge=0, le=1000,
    )  # fmt: skip
    input_px: int | None = parameter(
        None, "Side of the images, a multiple of 4. Default: their own, at most 64.", unit="px", ge=8, le=128,
        advanced=True,
    )  # fmt: skip
    width: int = parameter(
        16, "Channels of the first convolution, doubled at each halving; dense layers have a similar size.", unit="",
        ge=2, le=128, when={"architecture": ["dense", "convolutional"]}, advanced=True,
    )  # fmt: skip
    batch_size: int = parameter(64, "Maximum batch size.", unit="", ge=1, le=4096, advanced=True)
    learning_rate: float | None = parameter(
        None, "Initial learning rate of Adam, which decays. Default: 0.02 for linear, 0.005 for others.", unit="",
        gt=0, le=1, advanced=True,
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
        """Train from the checkpoint on, then evaluate."""
        if context.dataset is None:
            raise BadInput("an autoencoder is trained on a data set, and none was given")
        data = learning.pictures.in_memory(context.dataset, self.input_px, context.device)
        learner = self.learner(data, context.seed)
        plan = learning.loop.Plan(self.epochs, self.batch_size, context.seed)
        loop = learning.loop.Loop(learner, data.training, plan)
        model = learner.model
        evaluation = learning.autoencoder.evaluation.Evaluation(model, data, learner.recipe, self.labels_per_class)
        loop.run(context, extra_steps=len(evaluation.stages))
        model.eval()
        model.learn_default_positions(learning.pictures.as_values(data.held_out[:256]))
        items = loop.run_stages(evaluation.stages, context)
        items |= self._curves(loop) | {"network": learning.autoencoder.stored.as_weights(model)}
        captions = self.captions()  # the items' own captions, of units and walk, complete them
        return self.result(
            {name: replace(item, caption=f"{captions[name]}{item.caption}") for name, item in items.items()}
        )

    def learner(self, data: Pictures, seed: int) -> AutoencoderLearner:
        """An untrained autoencoder for these images."""
        mean = learning.pictures.mean_picture(data.training)
        model = learning.autoencoder.autoencoder.build(self._design(data), mean.cpu(), seed)
        return learning.autoencoder.learner.AutoencoderLearner(model, self._recipe(seed), data.held_out)

    def _design(self, data: Pictures) -> Design:
        sparse = self.kind == "sparse"
        return learning.autoencoder.autoencoder.Design(
            architecture=self.architecture,
            side_px=data.side_px,
            channels=data.channels,
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
            learning_rate=self.learning_rate or LEARNING_RATES[self.architecture],
            loss=self.loss,
            noise=noise.Noise(self.noise, amount) if self.kind == "denoising" else None,
            sparsity=learner.Sparsity(self.penalty, self.active_share) if self.kind == "sparse" else None,
            precision=self.precision,
        )

    def _curves(self, loop: Loop) -> dict[str, Series]:
        """Training and validation loss against the epoch, with the same labels, for one chart."""
        curves = loop.curves()
        return {name: replace(curves[name], y_label=LOSSES[self.loss]) for name in ("loss", "held_out_loss")}
