"""Style video: a video as a style model repaints it, frame after frame, without flicker."""

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


class StyleVideo(Method):
    """y_t = f(x_t) + s w (M y_(t-1) - f(x_t)); M moves along with the video, w says where that explains the frame."""

    title: ClassVar[str] = "Stylize a video"
    summary: ClassVar[str] = (
        "Does a style hold still? A style model repaints a video frame by frame; what was painted before moves along "
        "with the video, and flicker is measured against frames that are painted each by itself. Sound is left out."
    )
    source: ClassVar[str] = (
        "The method `style_model`; painted frames that move along: after Ruder et al. 2016, arXiv:1604.08610; change "
        "along the motion: Lai et al. 2018, arXiv:1808.00449"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "animation", "The video in the model's style; a cell shows up to 96 of its frames"),
        Output("original", "animation", "The same frames of the video as it was"),
        Output("warping_error", "series", "Change along the motion, where that explains the frame", optional=True),
        Output("warping_error_framewise", "series", "The same of frames painted each by itself", optional=True),
        Output("warping_error_original", "series", "The same of the video as it was", optional=True),
        Output("flicker", "scalar", "Change of painted places where the video does not change, mean", optional=True),
        Output("flicker_framewise", "scalar", "The same of frames painted each by itself", optional=True),
        Output("mean_warping_error", "scalar", "Change along the motion, mean of all frames", optional=True),
        Output("mean_warping_error_framewise", "scalar", "The same of frames painted each by itself", optional=True),
        Output("frames", "scalar", "Frames that were painted"),
    )

    model: str = parameter("", "Key of the result that holds the style model.", choices="results", of="style_model")
    video: Annotated[str, AfterValidator(checked_digest)] = parameter(
        "", "The video, MP4 or GIF; for `gazegrid run` a file, or the digest of one that is kept.", video=True
    )
    size_px: int = parameter(480, "Longer side of the video; a smaller one keeps its size.", unit="px", ge=32, le=1280)
    max_frames: int = parameter(
        300, "Frames that are painted at most, from the first on.", unit="frames", ge=2, le=3000
    )
    temporal_weight: float = parameter(
        0.8,
        "Share of what was painted before that stays where the video only moved; 0: each frame is painted by itself.",
        unit="",
        ge=0,
        lt=1,
    )
    format: Literal["mp4", "gif"] = parameter("mp4", "What the video is written as.")

    def subject(self) -> str:
        return f"video {self.video[:8]}, steadiness {self.temporal_weight:g}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Decode, paint and encode, frame by frame."""
        if not self.video:
            raise BadParameter("video must be a video, got none")
        painter = learning.fast_style.stabilization.StabilizedPainter(
            learning.fast_style.stored.trained_painter(context, self.model), self.temporal_weight
        )
        with decoded(context.video(self.video), self.size_px, self.max_frames) as video:
            items = learning.fast_style.videos.Painting(video, painter, context).items(self.format)
        told = captioned(items, [output for output in self.outputs if output.name in items])
        shown = told["stylized"]
        said = f"{shown.caption}. {learning.fast_style.videos.flicker_summary(items)}".strip()
        return Result(told | {"stylized": replace(shown, caption=said)})
