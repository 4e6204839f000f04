"""Occlusion: the drop of the score when a part of the picture is covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
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


class Occlusion(Attribution):
    """A window slides over the picture; the value of a pixel is the mean drop of the score over all windows with it.

    No gradient is computed: these are the network's outputs for pictures with a part missing.
    """

    title: ClassVar[str] = "Occlusion"
    summary: ClassVar[str] = (
        "Which parts does the prediction depend on? A window covers one place after another, and the map shows the "
        "drop of the logit at each place."
    )
    source: ClassVar[str] = "Zeiler and Fergus 2013, arXiv:1311.2901"
    version: ClassVar[int] = 2
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "Drop of the score when this place is covered"),
        ORIGINAL,
        *SCORE,
        Output("windows", "scalar", "Number of windows"),
    )

    window: int = parameter(20, "Side of the window, % of the picture's side.", unit="%", ge=1, le=90)
    stride: int = parameter(10, "Maximum distance between windows, % of the picture's side.", unit="%", ge=1, le=90)
    baseline: Literal["black", "gray", "blurred"] = parameter(
        "gray", "Content of the window: black, mid-gray, or the picture blurred."
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        inputs = network.prepare_all(pictures)  # (1, 3, H, W)
        score = self.score(network, inputs)
        maps = self.maps(network, inputs, score.target, context.report)
        caption = f"Drop of the score with windows of {self.window} % of the side, {self.baseline}"
        return self.result(
            score_items(inputs, score)
            | {
                "attribution": map_item(maps[0], caption, score, unit="", signed=True),
                "windows": Scalar(value=len(self.windows(inputs.shape[2], inputs.shape[3])), unit="windows"),
            }
        )

    def windows(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Top, left, height and width of each window in pixels; together they cover a picture of (height, width)."""
        down, across = self._starts(height), self._starts(width)
        return [(*place, self._side(height), self._side(width)) for place in product(down, across)]

    def _side(self, length: int) -> int:
        return max(1, round(length * self.window / 100))

    def _starts(self, length: int) -> list[int]:
        return engine.attribution.occlusion.starts(
            length, self._side(length), math.ceil((100 - self.window) / self.stride)
        )

    def maps(
        self, network: Network, pictures: Tensor, target: AttributionTarget, on_progress: Callable[[int, int], None]
    ) -> Tensor:
        """Maps (N, H, W) of pictures (N, 3, H, W)."""

        def score(covered: Tensor, times: int) -> Tensor:
            return target.repeated(times).score(network, covered)

        cover = engine.attribution.baselines.baseline(pictures, self.baseline)
        windows = self.windows(pictures.shape[2], pictures.shape[3])
        return engine.attribution.occlusion.occlusion(score, pictures, cover, windows, on_progress)
