"""Encode: the codes of a data set by an autoencoder that was trained on another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from core import learning
from core.errors import BadInput
from core.items import Embedding, Item, Result, Scalar
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture


class Encode(Method):
    """One pass of every image through a trained encoder."""

    title: ClassVar[str] = "Encode a data set"
    summary: ClassVar[str] = (
        "How well do the codes of an autoencoder generalize to other images? It encodes each image of a data set; only "
        "a linear classifier on the codes is trained."
    )
    source: ClassVar[str] = "See `autoencoder`"
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstructions", "image", "Reconstructions of images of the data set"),
        Output("errors", "map", "Reconstruction error of each pixel: |difference|, mean over colors"),
        Output("originals", "image", "The same images as the encoder receives them"),
        Output("codes_pca", "embedding", "Codes of up to 1,000 images, projected on two principal components"),
        Output("codes_tsne", "embedding", "The same codes by t-SNE, which keeps neighbors together"),
        Output("codes", "embedding", "Complete code of every image, in the order of the data set"),
        Output("squared_error", "scalar", "Mean squared error of up to 1,000 images, for pixels with range 1"),
        Output("accuracy_codes", "scalar", "Accuracy of a linear classifier on codes, cross-validated", optional=True),
        Output("accuracy_pixels", "scalar", "Accuracy of a linear classifier on raw pixels", optional=True),
    )

    model: str = parameter("", "Autoencoder: key of the result that trained it.", choices="results", of="autoencoder")

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Encode all images, and evaluate a sample of them."""
        dataset = context.dataset
        if dataset is None:
            raise BadInput("the images to encode are a data set, and none was given")
        autoencoder = learning.autoencoder
        model = autoencoder.stored.trained_autoencoder(context, self.model)
        inputs = autoencoder.inputs.prepare_all(dataset, model.design, context.device)
        codes = autoencoder.learner.encoded(model, inputs)
        names = tuple(dataset.class_names[label] for label in dataset.labels)
        context.report(1, 3)
        indices = learning.pictures.interleaved_by_class(dataset.labels, autoencoder.projections.MAX_CODES)
        sample, labels = learning.pictures.as_values(inputs[indices]), dataset.labels[indices]
        sample_names = [names[index] for index in indices]
        reconstructions, sample_codes = autoencoder.learner.reconstructed(model, sample)
        values = sample_codes.cpu().numpy()
        items: dict[str, Item] = {
            **learning.sheets.reconstruction_items(sample, reconstructions),
            "codes": Embedding(points=codes.cpu().numpy(), labels=names),
            **autoencoder.projections.projections(values, sample_names, sample, context.seed),
            "squared_error": Scalar(value=autoencoder.evaluation.squared_error(reconstructions, sample)),
        }
        context.report(2, 3)
        items |= autoencoder.evaluation.accuracies({"codes": values, "pixels": sample.flatten(1).cpu().numpy()}, labels)
        context.report(3, 3)
        return self.result(items)
