"""Stylize: a picture as a style model repaints it, in one pass."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from core import engine, learning
from core.items import Image, Item, Result
from core.method_base.judges import DEFAULT_JUDGE, Judge
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.method_base.style import MEASURED, captioned, sized

if TYPE_CHECKING:
    from core.media.picture import Picture

MOST_PX = 1536
"""Longer side of a picture that is painted at its own size; a larger one is shrunk."""


class Stylize(Method):
    """One pass through a stored painter; `core.learning.fast_style`."""

    title: ClassVar[str] = "Stylize a picture"
    summary: ClassVar[str] = (
        "What does a style model make of a picture that it has never seen? The picture is repainted at its own size in "
        "a single pass; nothing is learned. Its origin tells the milliseconds of the pass."
    )
    source: ClassVar[str] = "The method `style_model`"
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "The picture in the model's style"),
        Output("original", "image", "The picture as the model was given it"),
        *(replace(output, optional=True) for output in MEASURED),
    )

    model: str = parameter("", "Key of the result that holds the style model.", choices="results", of="style_model")
    size_px: int | None = parameter(
        None, f"Longer side of the picture; left empty: its own, at most {MOST_PX}.", unit="px", ge=32, le=2048
    )
    evaluate: bool = parameter(
        default=True, description="Let the judge compare the result with photo and style, which takes longer than it."
    )
    judge: Judge = parameter(
        (DEFAULT_JUDGE,), "Network that measures the result.", choices="networks", when={"evaluate": [True]},
        advanced=True,
    )  # fmt: skip

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:
        """Paint, and measure what was painted."""
        painter = learning.fast_style.stored.trained_painter(context, self.model)
        photo = sized(pictures[0], self._longer_px(pictures[0]), painter.device)
        started_s = time.perf_counter()
        painted = engine.ranges.to_pixels(learning.fast_style.painter.paint(painter, photo))
        context.noted["pass_ms"] = round(1e3 * (time.perf_counter() - started_s), 2)
        context.report(1, 2)
        said: dict[str, Item] = {
            "stylized": Image(pixels=painted),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
        }
        if self.evaluate:
            judge = context.network(self.judge[0])
            styles = learning.fast_style.judging.styles_of(painter.design, context, photo.device)
            kept = engine.ranges.from_pixels(painted).to(photo.device)
            said |= learning.fast_style.judging.measures(judge, kept, photo, styles)
        context.report(2, 2)
        return Result(captioned(said, [output for output in self.outputs if output.name in said]))

    def _longer_px(self, picture: Picture) -> int:
        """As asked for, or the picture's own; the shorter side is large enough for every judge."""
        longer, shorter = max(picture.width, picture.height), min(picture.width, picture.height)
        least = math.ceil(engine.style.stylization.MIN_SIDE_PX * longer / shorter)
        return max(self.size_px or min(longer, MOST_PX), least)
