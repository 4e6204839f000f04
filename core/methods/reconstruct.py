"""Reconstruct: a picture as an autoencoder draws it that learned from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core import learning
from core.items import Image, Item, Map, Result, Scalar, Series
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture


class Reconstruct(Method):
    """One pass through a stored autoencoder."""

    title: ClassVar[str] = "Reconstruct a picture"
    summary: ClassVar[str] = (
        "What does an autoencoder make of a picture that it has never seen? The middle of the picture is brought to "
        "the size that it learned, encoded and drawn again; nothing is learned."
    )
    source: ClassVar[str] = "The method `autoencoder`"
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("reconstruction", "image", "The picture as the decoder draws it"),
        Output("error", "map", "How far each pixel is from the original: |difference|, mean over colors"),
        Output("original", "image", "The picture as the encoder sees it"),
        Output("code", "series", "The values of the code"),
        Output("squared_error", "scalar", "Mean squared error; a value's range is 1"),
    )

    model: str = parameter("", "Key of the result that holds the autoencoder.", choices="results", of="autoencoder")

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:
        """Encode and decode."""
        model = learning.autoencoder.stored.trained_autoencoder(context, self.model)
        original = learning.pictures.as_values(
            learning.autoencoder.inputs.prepare(pictures[0].pixels, model.design, context.device)
        )
        drawn, codes = learning.autoencoder.learner.reconstructed(model, original)
        context.report(1, 1)
        code = codes[0].cpu().numpy()
        items: dict[str, Item] = {
            "reconstruction": Image(pixels=learning.sheets.sheet(drawn, 1)),
            "error": Map(values=learning.sheets.value_sheet((drawn - original).abs().mean(1), 1)),
            "original": Image(pixels=learning.sheets.sheet(original, 1)),
            "code": Series(x=np.arange(len(code), dtype=np.float32), y=code, x_label="Unit", y_label="Value"),
            "squared_error": Scalar(value=learning.autoencoder.evaluation.squared_error(drawn, original)),
        }
        return Result({output.name: replace(items[output.name], caption=output.caption) for output in self.outputs})
