"""Patch shuffle: whether the prediction is retained when the picture's patches are in random order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from core import engine, measures
from core.items import Image, Item, Result, Scalar, Table
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import sheet_image
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network

GRIDS = (2, 4, 8)
"""Patches along a side."""
COLUMNS = ("patches along a side", "order", "predicted class", "probability", "probability of the original prediction")


class PatchShuffle(Method):
    """Predictions for the picture cut into 2 x 2, 4 x 4 and 8 x 8 patches, each grid in several random orders.

    Shuffled patches destroy shape and keep texture.
    """

    title: ClassVar[str] = "Patch shuffle"
    summary: ClassVar[str] = (
        "Does the network use the overall shape? The picture is cut into patches, which are put in random order: a "
        "prediction that depends on local detail is retained, one that depends on the shape is lost."
    )
    source: ClassVar[str] = "Zhang and Zhu 2019, arXiv:1905.09797; Naseer et al. 2021, arXiv:2105.10497"
    family: ClassVar[MethodFamily] = "inspection"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("shuffled", "image", "One random order per patch size"),
        Output("original", "image", "Input picture as the network receives it"),
        Output("predictions", "table", "Predictions for the original picture and for each random order"),
        *(
            Output(f"retained_{side}", "scalar", f"Share of orders of {side} x {side} patches with the same prediction")
            for side in GRIDS
        ),
        Output("probability_before", "scalar", "Probability of the predicted class for the original picture"),
    )

    permutations: int = parameter(8, "Random orders per patch size.", unit="orders", ge=1, le=64)

    def undefined_for(self, card: NetworkCard) -> str | None:
        """Why the network has no prediction, in a sentence; None where it has."""
        return None if card.class_names else "This network predicts no classes: there is no prediction to retain."

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        batch = original.expand(self.permutations, -1, -1, -1)
        probabilities = {1: network(original).softmax(dim=1)}
        examples = original.repeat(len(GRIDS), 1, 1, 1)
        for step, side in enumerate(GRIDS):
            generator = engine.optimization.transforms.generator_at(side, context.seed)
            shuffled = engine.patches.shuffled(batch, side, generator)
            probabilities[side] = network(shuffled).softmax(dim=1)
            examples[step] = shuffled[0]
            context.report(step + 1, len(GRIDS))
        return self.result(_items(probabilities, original, examples, network.card))


def _items(
    probabilities: Mapping[int, Tensor], original: Tensor, examples: Tensor, card: NetworkCard
) -> dict[str, Item]:
    """`probabilities`: patches along a side -> (orders, K); 1: those of the original picture."""
    predicted = int(probabilities[1].argmax())
    rows = [
        (side, order, *_prediction(row, predicted, card))
        for side, of_orders in probabilities.items()
        for order, row in enumerate(of_orders, start=1)
    ]
    retained = {side: _retained(probabilities[side], predicted) for side in GRIDS}
    subject = card.class_names[predicted]
    return {
        "shuffled": sheet_image(examples, len(GRIDS)),
        "original": Image(pixels=engine.ranges.to_pixels(original)),
        "predictions": Table(columns=COLUMNS, rows=tuple(rows)),
        **{f"retained_{side}": Scalar(value=share, unit="share", subject=subject) for side, share in retained.items()},
        "probability_before": Scalar(value=float(probabilities[1][0, predicted]), unit="share", subject=subject),
    }


def _retained(probabilities: Tensor, predicted: int) -> float:
    """Share of the orders whose probabilities (orders, K) are highest for the class `predicted`, ties by chance."""
    labels = probabilities.argmax(dim=1).fill_(predicted)
    return float(measures.accuracy.top_shares(probabilities, labels).mean())


def _prediction(probabilities: Tensor, original: int, card: NetworkCard) -> tuple[str, float, float]:
    """Predicted class, its probability, and that of the class `original`; from probabilities (K,)."""
    top = int(probabilities.argmax())
    return card.class_names[top], round(float(probabilities[top]), 6), round(float(probabilities[original]), 6)
