"""Style video: a video stylized frame by frame by a style model, without flicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator

from core import learning
from core.errors import BadParameter
from core.items import Result
from core.media.video import checked_digest, decoded
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture


class StyleVideo(Method):
    """y_t = f(x_t) + s w (M y_(t-1) - f(x_t)); M warps along the motion, w weights where that explains the frame."""

    title: ClassVar[str] = "Video stylization"
    summary: ClassVar[str] = (
        "Is the style stable over time? A style model stylizes a video frame by frame; each result is warped along the "
        "motion into the next frame, and flicker is compared with independent frames. Sound is dropped."
    )
    source: ClassVar[str] = (
        "See `style_model`; Ruder et al. 2016, arXiv:1604.08610 (warping); Lai et al. 2018, arXiv:1808.00449 (warping "
        "error)"
    )
    family: ClassVar[MethodFamily] = "style"
    version: ClassVar[int] = 2
    needs: ClassVar[Needs] = Needs(pictures=0, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("stylized", "animation", "Stylized video; a cell shows up to 96 of its frames"),
        Output("original", "animation", "Original video, the same frames"),
        Output("warping_error", "series", "Warping error of the stylized file: change along the motion", optional=True),
        Output("warping_error_framewise", "series", "Warping error, frames stylized independently", optional=True),
        Output("warping_error_original", "series", "Warping error of the original video", optional=True),
        Output("flicker", "scalar", "Mean change of the file where the original video does not change"),
        Output("flicker_framewise", "scalar", "Flicker, frames stylized independently"),
        Output("mean_warping_error", "scalar", "Warping error, mean over all frames"),
        Output("mean_warping_error_framewise", "scalar", "Mean warping error, frames stylized independently"),
        Output("frames", "scalar", "Frames of the stylized file"),
    )

    model: str = parameter("", "Style model: key of the result that trained it.", choices="results", of="style_model")
    video: Annotated[str, AfterValidator(checked_digest)] = parameter(
        "",
        "Video (MP4, MOV, WebM, Matroska, GIF); on the command line, a file or the digest of a stored video.",
        video=True,
    )
    size_px: int = parameter(
        480,
        "Longer side of the result; a smaller video keeps its size, and no side gets shorter than 16 px.",
        unit="px",
        ge=32,
        le=1280,
    )
    max_frames: int = parameter(300, "Maximum number of frames, from the first one.", unit="frames", ge=2, le=3000)
    temporal_weight: float = parameter(
        0.8,
        "Weight of the warped previous frame where motion explains the current one; 0: frames are independent.",
        unit="", ge=0, lt=1,
    )  # fmt: skip
    format: Literal["mp4", "gif"] = parameter("mp4", "File format of the stylized video.")

    def subject(self) -> str:
        return f"video {self.video[:8]}, temporal weight {self.temporal_weight:g}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Decode, stylize and encode the video, frame by frame."""
        if not self.video:
            raise BadParameter("video must be the digest of a video, got none")
        painter = learning.fast_style.stabilization.StabilizedPainter(
            learning.fast_style.stored.trained_painter(context, self.model), self.temporal_weight
        )
        opening = partial(decoded, context.video(self.video), self.size_px, self.max_frames)
        items = learning.fast_style.videos.Painting(opening, painter, context).items(self.format)
        sentences = (
            f"{self.captions()['stylized']}.", learning.fast_style.videos.flicker_summary(items),
            items["stylized"].caption,
        )  # fmt: skip
        caption = " ".join(sentence for sentence in sentences if sentence)
        return self.result(items | {"stylized": replace(items["stylized"], caption=caption)})
