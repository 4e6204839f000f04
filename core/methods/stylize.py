"""Stylize: a picture stylized by a style model, in one pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from core import engine, learning
from core.items import Image, Item, Result
from core.method_base.judges import DEFAULT_JUDGE, Judge
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.method_base.style import STYLE_MEASURES, sized

if TYPE_CHECKING:
    from core.media.picture import Picture

MAX_PX = 1536
"""Longer side up to which a picture keeps its size by default."""


class Stylize(Method):
    """One pass through a trained style model; see `core.learning.fast_style`."""

    title: ClassVar[str] = "Picture stylization"
    summary: ClassVar[str] = (
        "How does a style model stylize a picture that it was not trained on? The picture goes through the model in "
        "one pass, at its own size. The provenance of the result has the time of the pass."
    )
    source: ClassVar[str] = "See `style_model`"
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "image", "Stylized picture"),
        Output("original", "image", "Content image at the same size"),
        *(replace(output, optional=True) for output in STYLE_MEASURES),
    )

    model: str = parameter("", "Style model: key of the result that trained it.", choices="results", of="style_model")
    size_px: int | None = parameter(
        None,
        f"Longer side of the result; the shorter one has at least 32 px. Default: the picture's own, at most {MAX_PX}.",
        unit="px", ge=32, le=2048,
    )  # fmt: skip
    evaluate: bool = parameter(
        default=True, description="Measure the result with the judge, which takes longer than the stylization."
    )
    judge: Judge = parameter(
        (DEFAULT_JUDGE,), "Judge: the network that measures the result.", choices="networks",
        when={"evaluate": [True]}, advanced=True,
    )  # fmt: skip

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:
        """Stylize the picture, and measure the result."""
        painter = learning.fast_style.stored.trained_painter(context, self.model)
        longer_px = max(pictures[0].width, pictures[0].height)
        photo = sized(pictures[0], self.size_px or min(longer_px, MAX_PX), painter.device)
        started_s = time.perf_counter()
        stylized = learning.fast_style.painter.paint(painter, photo)
        pixels = engine.ranges.to_pixels(stylized)
        context.noted["pass_ms"] = round(1e3 * (time.perf_counter() - started_s), 2)
        context.report(1, 2)
        items: dict[str, Item] = {
            "stylized": Image(pixels=pixels),
            "original": Image(pixels=engine.ranges.to_pixels(photo)),
        }
        if self.evaluate:
            judge = context.network(self.judge[0])
            styles = learning.fast_style.judging.styles_of(painter.design, context, photo.device)
            items |= learning.fast_style.judging.measures(judge, stylized, photo, styles)
        context.report(2, 2)
        return self.result(items)
