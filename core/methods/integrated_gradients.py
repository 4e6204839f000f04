"""Integrated gradients: what each pixel adds on the way from an empty picture to this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, map_item
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from core.media.picture import Picture
    from core.method_base.attribution import AttributionTarget
    from core.networks.network import Network


class IntegratedGradients(Attribution):
    """(x - x0) times the mean gradient between x0 and x: all pixels together add up to the number's change."""

    title: ClassVar[str] = "Integrated gradients"
    summary: ClassVar[str] = (
        "What does each pixel add to the answer? The gradient is gathered on the way from an empty picture to this "
        "one, so that all pixels together add up to the difference of the two answers."
    )
    source: ClassVar[str] = "Sundararajan, Taly, Yan 2017, arXiv:1703.01365"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "What each pixel adds, sum of the colors"),
        ORIGINAL,
        *SCORE,
        Output("baseline_score", "scalar", "The number for the empty picture"),
        Output("completeness_error", "scalar", "Sum of the map less the difference of the two numbers; 0 is exact"),
    )

    baseline: Literal["black", "gray", "blurred"] = parameter(
        "black", "The empty picture: black, mid-gray, or the picture itself blurred. What is as in it adds nothing."
    )
    steps: int = parameter(50, "Points of the way at which the gradient is taken.", unit="steps", ge=1, le=500)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        answer = self.answer(network, seen)
        empty = engine.attribution.baselines.baseline(seen, self.baseline)
        before = answer.explained.value(network, empty)
        added = self.maps(network, seen, empty, answer.explained, context.report)
        error = float(added.double().sum() - (answer.value - before).double().sum())  # of one picture
        said = {output.name: output.caption for output in self.outputs}
        numbers = {"baseline_score": float(before[0]), "completeness_error": error}
        return self.result(
            seen,
            map_item(added[0], f"What each pixel adds to a {self.baseline} picture", answer, unit="", signed=True),
            answer,
            **{
                name: Scalar(value=value, unit=answer.explained.unit, caption=said[name])
                for name, value in numbers.items()
            },
        )

    def maps(
        self,
        network: Network,
        pictures: Tensor,
        empty: Tensor,
        explained: AttributionTarget,
        reached: Callable[[int, int], None],
    ) -> Tensor:
        """Maps (N, H, W) of pictures (N, 3, H, W) against their empty ones."""

        def value(points: Tensor, times: int) -> Tensor:
            return explained.repeated(times).value(network, points)

        return engine.attribution.paths.integrated_gradients(value, pictures, empty, self.steps, reached).sum(dim=1)
