"""Style video: a film as a style model repaints it, frame after frame, without flicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator

from core import learning
from core.errors import BadParameter
from core.items import Result
from core.media.video import checked_digest, decoded
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter
from core.method_base.style import captioned

if TYPE_CHECKING:
    from core.media.picture import Picture
    from core.networks.network import Network


class StyleVideo(Method):
    """y_t = f(x_t) + s w (M y_(t-1) - f(x_t)); M moves along with the film, w says where that explains the frame."""

    title: ClassVar[str] = "Stylize a film"
    summary: ClassVar[str] = (
        "Does a style hold still? A style model repaints a film frame by frame; what was painted before moves along "
        "with the film, and flicker is measured against frames that are painted each by itself. Sound is left out."
    )
    source: ClassVar[str] = (
        "The method `style_model`; painted frames that move along: after Ruder et al. 2016, arXiv:1604.08610; change "
        "along the motion: Lai et al. 2018, arXiv:1808.00449"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "animation", "The film in the model's style; a cell shows up to 96 of its frames"),
        Output("original", "animation", "The same frames of the film as it was"),
        Output("error", "series", "Change along the motion, where that explains the frame", optional=True),
        Output("error_alone", "series", "The same of frames painted each by itself", optional=True),
        Output("error_original", "series", "The same of the film as it was", optional=True),
        Output("flicker", "scalar", "Change of painted places where the film does not change, mean", optional=True),
        Output("flicker_alone", "scalar", "The same of frames painted each by itself", optional=True),
        Output("motion_error", "scalar", "Change along the motion, mean of all frames", optional=True),
        Output("motion_error_alone", "scalar", "The same of frames painted each by itself", optional=True),
        Output("frames", "scalar", "Frames that were painted"),
    )

    model: str = parameter("", "Key of the result that holds the style model.", choices="results", of="style_model")
    video: Annotated[str, AfterValidator(checked_digest)] = parameter(
        "", "The film, MP4 or GIF; for `gazegrid run` a file, or the digest of one that is kept.", film=True
    )
    size_px: int = parameter(480, "Longer side of the film; a smaller one keeps its size.", unit="px", ge=32, le=1280)
    frames: int = parameter(300, "Frames that are painted at most, from the first on.", unit="frames", ge=2, le=3000)
    steadiness: float = parameter(
        0.8,
        "Share of what was painted before that stays where the film only moved; 0: each frame is painted by itself.",
        unit="",
        ge=0,
        lt=1,
    )
    kind: Literal["mp4", "gif"] = parameter("mp4", "What the film is written as.")

    def subject(self) -> str:
        return f"film {self.video[:8]}, steadiness {self.steadiness:g}"

    def run(self, pictures: Sequence[Picture], network: Network, context: Context) -> Result:  # noqa: ARG002
        """Decode, paint and encode, frame by frame."""
        if not self.video:
            raise BadParameter("video must be a film, got none")
        painter = learning.fast_style.steady.SteadyPainter(
            learning.fast_style.stored.trained_painter(context, self.model), self.steadiness
        )
        with decoded(context.video(self.video), self.size_px, self.frames) as film:
            items = learning.fast_style.films.Painting(film, painter, context).items(self.kind)
        told = captioned(items, [output for output in self.outputs if output.name in items])
        shown = told["stylized"]
        said = f"{shown.caption}. {learning.fast_style.films.steadiness_in_words(items)}".strip()
        return Result(told | {"stylized": replace(shown, caption=said)})
