"""Reconstruct: a picture through an autoencoder that was trained on other images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core import engine, learning
from core.items import Image, Item, Map, Result, Scalar, Series
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture


class Reconstruct(Method):
    """One pass through a trained autoencoder."""

    title: ClassVar[str] = "Reconstruct a picture"
    summary: ClassVar[str] = (
        "How does an autoencoder reconstruct a picture that it was not trained on? The center of the picture is "
        "resized to the autoencoder's input size, encoded and decoded."
    )
    source: ClassVar[str] = "See `autoencoder`"
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstruction", "image", "Reconstruction of the picture"),
        Output("error", "map", "Reconstruction error of each pixel: |difference|, mean over colors"),
        Output("original", "image", "Input picture as the encoder receives it"),
        Output("code", "series", "Values of the code"),
        Output("squared_error", "scalar", "Mean squared error, for pixels with range 1"),
    )

    model: str = parameter("", "Autoencoder: key of the result that trained it.", choices="results", of="autoencoder")

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:
        """Encode and decode the picture."""
        model = learning.autoencoder.stored.trained_autoencoder(context, self.model)
        original = learning.pictures.as_values(
            learning.autoencoder.inputs.prepare(pictures[0].pixels, model.design, context.device)
        )
        unclipped, codes = learning.autoencoder.learner.reconstructed(model, original)
        reconstruction = engine.ranges.as_stored(unclipped)
        context.report(1, 1)
        code = codes[0].cpu().numpy()
        items: dict[str, Item] = {
            "reconstruction": Image(pixels=learning.sheets.sheet(reconstruction, 1)),
            "error": Map(values=learning.sheets.value_sheet((reconstruction - original).abs().mean(1), 1)),
            "original": Image(pixels=learning.sheets.sheet(original, 1)),
            "code": Series(x=np.arange(len(code), dtype=np.float32), y=code, x_label="Unit", y_label="Value"),
            "squared_error": Scalar(value=learning.autoencoder.evaluation.squared_error(reconstruction, original)),
        }
        return self.result(items)
