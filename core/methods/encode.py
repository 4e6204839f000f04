"""Encode: the codes of a whole data set by an autoencoder that learned from another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from core import learning
from core.errors import BadInput
from core.items import Embedding, Item, Result, Scalar
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture


class Encode(Method):
    """A pass of every picture through a stored encoder."""

    title: ClassVar[str] = "Encode a data set"
    summary: ClassVar[str] = (
        "What are the codes of an autoencoder worth on other pictures? It encodes each picture of a data set; nothing "
        "is learned but a linear classifier on the codes."
    )
    source: ClassVar[str] = "The method `autoencoder`"
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, dataset=True, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstructions", "image", "Pictures of the data set as the decoder draws them"),
        Output("errors", "map", "How far each pixel is from the original: |difference|, mean over colors"),
        Output("originals", "image", "The same pictures as the encoder sees them"),
        Output("codes_pca", "embedding", "Codes of up to 1,000 pictures, along their two principal directions"),
        Output("codes_tsne", "embedding", "The same codes by t-SNE: neighbors stay neighbors"),
        Output("codes", "embedding", "The whole code of every picture, in the data set's order"),
        Output("squared_error", "scalar", "Mean squared error of up to 1,000 pictures; a value's range is 1"),
        Output("accuracy_codes", "scalar", "Linear classifier on the codes, by cross-validation", optional=True),
        Output("accuracy_pixels", "scalar", "The same on the raw pixels", optional=True),
    )

    model: str = parameter("", "Key of the result that holds the autoencoder.", choices="results", of="autoencoder")

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Encode all, and look at some."""
        dataset = context.dataset
        if dataset is None:
            raise BadInput("the pictures that are encoded are a data set, and none was given")
        model = learning.autoencoder.stored.trained_autoencoder(context, self.model)
        given = learning.autoencoder.inputs.prepare_all(dataset, model.design, context.device)
        codes = learning.autoencoder.learner.encoded(model, given)
        names = tuple(dataset.class_names[label] for label in dataset.labels)
        context.report(1, 3)
        chosen = learning.pictures.interleaved_by_class(dataset.labels, learning.autoencoder.projections.MAX_CODES)
        some, labels = learning.pictures.as_values(given[chosen]), dataset.labels[chosen]
        drawn, some_codes = learning.autoencoder.learner.reconstructed(model, some)
        values = some_codes.cpu().numpy()
        items: dict[str, Item] = {
            **learning.sheets.reconstruction_items(some, drawn),
            "codes": Embedding(points=codes.cpu().numpy(), labels=names),
            **learning.autoencoder.projections.projections(values, [names[number] for number in chosen], some, context.seed),
            "squared_error": Scalar(value=learning.autoencoder.evaluation.squared_error(drawn, some)),
        }
        context.report(2, 3)
        items |= learning.autoencoder.evaluation.accuracies(
            {"codes": values, "pixels": some.flatten(1).cpu().numpy()}, labels
        )
        context.report(3, 3)
        return Result(
            {out.name: replace(items[out.name], caption=out.caption) for out in self.outputs if out.name in items}
        )
