"""Integrated gradients: the contribution of each pixel on the path from a baseline to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core import engine
from core.items import Result, Scalar
from core.method_base.attribution import ORIGINAL, SCORE, Attribution, map_item, score_items
from core.method_base.method import Context, Output, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from core.media.picture import Picture
    from core.method_base.attribution import AttributionTarget
    from core.networks.network import Network


class IntegratedGradients(Attribution):
    """(x - x0) times the mean gradient between x0 and x: the map sums to the difference of the scores."""

    title: ClassVar[str] = "Integrated gradients"
    summary: ClassVar[str] = (
        "How much does each pixel contribute to the prediction? The gradient is averaged on the path from a baseline "
        "to the picture, so that the map sums to the difference of their scores."
    )
    source: ClassVar[str] = "Sundararajan et al. 2017, arXiv:1703.01365"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Contribution of each pixel, sum over the colors"),
        ORIGINAL,
        *SCORE,
        Output("baseline_score", "scalar", "Target score of the baseline"),
        Output("completeness_error", "scalar", "Sum of the map minus the difference of the scores; 0 is exact"),
    )

    baseline: Literal["black", "gray", "blurred"] = parameter(
        "black", "Baseline: black, mid-gray, or the picture blurred. Pixels equal to it contribute nothing."
    )
    steps: int = parameter(50, "Points on the path.", unit="steps", ge=1, le=500)

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        score = self.score(network, inputs)
        baseline = engine.attribution.baselines.baseline(inputs, self.baseline)
        baseline_score = score.target.score(network, baseline)
        maps = self.maps(network, inputs, baseline, score.target, context.report)
        error = float(maps.double().sum() - (score.value - baseline_score).double().sum())  # of one picture
        caption = f"Contribution of each pixel, baseline {self.baseline}"
        return self.result(
            score_items(inputs, score)
            | {
                "attribution": map_item(maps[0], caption, score, unit="", signed=True),
                "baseline_score": Scalar(value=float(baseline_score[0]), unit=score.target.unit),
                "completeness_error": Scalar(value=error, unit=score.target.unit),
            }
        )

    def maps(
        self,
        network: Network,
        pictures: Tensor,
        baselines: Tensor,
        target: AttributionTarget,
        on_progress: Callable[[int, int], None],
    ) -> Tensor:
        """Maps (N, H, W) of pictures (N, 3, H, W) with their baselines, of the same shape."""

        def score(points: Tensor, times: int) -> Tensor:
            return target.repeated(times).score(network, points)

        integrated_gradients = engine.attribution.paths.integrated_gradients
        return integrated_gradients(score, pictures, baselines, self.steps, on_progress).sum(dim=1)
