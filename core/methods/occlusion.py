"""Occlusion: what the answer loses when a part of the picture is covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
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


class Occlusion(Attribution):
    """A window slides over the picture; each pixel's value is the mean fall of the number of all windows that hold it.

    No gradient is taken: it is what the network really answers to pictures of which a part is missing.
    """

    title: ClassVar[str] = "Occlusion"
    summary: ClassVar[str] = (
        "Which part can the answer not do without? A window is covered, place after place, and the fall of the logit "
        "is written where it was."
    )
    source: ClassVar[str] = "Zeiler and Fergus 2013, arXiv:1311.2901, section 4.2"
    version: ClassVar[int] = 1
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("attribution", "map", "How much the answer falls when this place is covered"),
        ORIGINAL,
        *SCORE,
        Output("windows", "scalar", "Windows that were covered, one after the other"),
    )

    window: int = parameter(20, "Side of the window, as a share of the picture's.", unit="%", ge=1, le=90)
    stride: int = parameter(
        10, "Way from one window to the next at most, as a share of the side.", unit="%", ge=1, le=90
    )
    baseline: Literal["black", "gray", "blurred"] = parameter(
        "gray", "What is seen in the window: black, mid-gray, or the picture blurred."
    )

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:
        seen = network.prepare_all(pictures)  # (1, 3, H, W)
        answer = self.answer(network, seen)
        windows = self.windows(seen.shape[2], seen.shape[3])
        falls = self.maps(network, seen, answer.explained, context.report)
        said = {output.name: output.caption for output in self.outputs}
        caption = f"Fall when {self.window} % of the sides are covered ({self.baseline})"
        return self.result(
            seen,
            map_item(falls[0], caption, answer, unit="", signed=True),
            answer,
            windows=Scalar(value=len(windows), unit="windows", caption=said["windows"]),
        )

    def windows(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Top, left, height, width of each window in pixels; together they hold every pixel of (height, width)."""
        down, across = self._starts(height), self._starts(width)
        return [(*place, self._side(height), self._side(width)) for place in product(down, across)]

    def _side(self, length: int) -> int:
        return max(1, round(length * self.window / 100))

    def _starts(self, length: int) -> list[int]:
        return engine.attribution.occlusion.starts(
            length, self._side(length), math.ceil((100 - self.window) / self.stride)
        )

    def maps(
        self, network: Network, pictures: Tensor, explained: AttributionTarget, reached: Callable[[int, int], None]
    ) -> Tensor:
        """Maps (N, H, W) of pictures (N, 3, H, W)."""

        def value(covered: Tensor, times: int) -> Tensor:
            return explained.repeated(times).value(network, covered)

        cover = engine.attribution.baselines.baseline(pictures, self.baseline)
        windows = self.windows(pictures.shape[2], pictures.shape[3])
        return engine.attribution.occlusion.occlusion(value, pictures, cover, windows, reached)
