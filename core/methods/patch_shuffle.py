"""Patch shuffle: whether the answer survives when the picture's parts are put together in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from core import engine
from core.items import Image, Item, Result, Scalar, Table
from core.method_base.method import Context, Method, MethodFamily, Output, parameter
from core.method_base.optimization import as_declared, sheet_image
from core.networks.card import NetworkCard

if TYPE_CHECKING:
    from torch import Tensor

    from core.media.picture import Picture
    from core.networks.network import Network

PARTS = (2, 4, 8)
"""Patches along a side: their sides are a half, a quarter and an eighth of the picture's."""
COLUMNS = ("patches along a side", "order", "the network sees", "its probability", "probability of its first answer")


class PatchShuffle(Method):
    """Asks the network for the picture cut into 2 x 2, 4 x 4 and 8 x 8 patches, each in several random orders."""

    title: ClassVar[str] = "Patch shuffle"
    summary: ClassVar[str] = (
        "Does the network use the whole shape? The picture is cut into patches and put together in another order: "
        "an answer that rests on details survives it, one that rests on the shape does not."
    )
    source: ClassVar[str] = (
        "Zhang and Zhu 2019, arXiv:1905.09797 (shuffled patches destroy shape and keep texture); "
        "Naseer et al. 2021, arXiv:2105.10497"
    )
    family: ClassVar[MethodFamily] = "inspection"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("shuffled", "image", "One of the orders for each patch size"),
        Output("original", "image", "The picture as the network sees it"),
        Output("predictions", "table", "The network's prediction for the picture itself and for each permutation"),
        *(
            Output(
                f"retained_{parts}", "scalar", f"Share of the orders of {parts} x {parts} patches that keep the answer"
            )
            for parts in PARTS
        ),
        Output("probability_before", "scalar", "Probability of the network's answer for the picture itself"),
    )

    permutations: int = parameter(8, "Random orders for each patch size.", unit="orders", ge=1, le=64)

    def undefined_for(self, card: NetworkCard) -> str | None:
        """A network without classes gives no answer that could survive."""
        return None if card.class_names else "This network gives no classes: there is no answer to keep."

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        original = network.prepare(pictures[0])[None].contiguous()  # (1, 3, H, W)
        batch = original.expand(self.permutations, -1, -1, -1)
        answers = {1: network(original).softmax(dim=1)}
        shown = original.repeat(len(PARTS), 1, 1, 1)
        for step, parts in enumerate(PARTS):
            generator = engine.optimization.transforms.generator_at(parts, context.seed)
            cut = engine.patches.shuffled(batch, parts, generator)
            answers[parts] = network(cut).softmax(dim=1)
            shown[step] = cut[0]
            context.report(step + 1, len(PARTS))
        return Result(as_declared(self._items(answers, original, shown, network.card), self.outputs))

    def _items(self, answers: dict[int, Tensor], original: Tensor, shown: Tensor, card: NetworkCard) -> dict[str, Item]:
        said = {output.name: output.caption for output in self.outputs}
        first = int(answers[1].argmax())
        rows = [
            (parts, order, *_answer(answer, first, card))
            for parts, of_parts in answers.items()
            for order, answer in enumerate(of_parts, start=1)
        ]
        kept = {f"retained_{parts}": float((answers[parts].argmax(dim=1) == first).float().mean()) for parts in PARTS}
        shares = kept | {"probability_before": float(answers[1][0, first])}
        subject = card.class_names[first]
        return {
            "shuffled": sheet_image(shown, len(PARTS), said["shuffled"]),
            "original": Image(pixels=engine.ranges.to_pixels(original), caption=said["original"]),
            "predictions": Table(columns=COLUMNS, rows=tuple(rows), caption=said["predictions"]),
            **{
                key: Scalar(value=value, unit="share", subject=subject, caption=said[key])
                for key, value in shares.items()
            },
        }


def _answer(answer: Tensor, first: int, card: NetworkCard) -> tuple[str, float, float]:
    """What is seen, how surely, and how surely the first answer; `answer`: probabilities (K,)."""
    best = int(answer.argmax())
    return card.class_names[best], round(float(answer[best]), 6), round(float(answer[first]), 6)
