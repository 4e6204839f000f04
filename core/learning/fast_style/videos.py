"""Stylization of a whole video: progress reports, the encoded video, and result items."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image as PillowImage

from core.items import Animation, Item, Pixels, Scalar, Series
from core.learning.fast_style.stabilization import StabilizedPainter
from core.media.video import DecodedVideo
from core.media.video_writer import VideoKind, encoded
from core.method_base.method import Context

MAX_FRAMES, MAX_PX = 96, 320
"""Maximal number of frames and longer side of animations on a page, which are loaded whole."""
MIN_FRAME_MS = 20
OF_255 = "of 255"
CURVES = {"stabilized": "warping_error", "framewise": "warping_error_framewise", "original": "warping_error_original"}


class Painting:
    """Stylizes one video."""

    def __init__(self, video: DecodedVideo, painter: StabilizedPainter, context: Context) -> None:
        self.video, self.painter, self.context = video, painter, context
        self._every = math.ceil(video.count / MAX_FRAMES)
        self._small_frames: list[tuple[Pixels, Pixels]] = []
        """Small stylized and original frames, every n-th; others are not kept in memory."""
        self._errors: dict[int, Mapping[str, float]] = {}

    def items(self, kind: VideoKind) -> dict[str, Item]:
        """Stylize the whole video; returns items by the names of the outputs of `style_video`."""
        encoded_video = encoded(self._frames(), self.video.frame_rate, kind)
        frame_ms = max(MIN_FRAME_MS, round(1000 * self._every / self.video.frame_rate))
        stylized, originals = map(np.stack, zip(*self._small_frames, strict=True))
        items: dict[str, Item] = {
            "stylized": Animation(frames=stylized, frame_ms=frame_ms, whole=encoded_video),
            "original": Animation(frames=originals, frame_ms=frame_ms),
            "frames": Scalar(value=self.video.count, unit="frames"),
        }
        return items | self._warping_items() | self._flicker_items()

    def _frames(self) -> Iterator[Pixels]:
        for number, frame in enumerate(self.painter.paint(self.video.frames)):
            if number % self._every == 0:
                self._small_frames.append((_small(frame.stabilized), _small(frame.original)))
            if frame.errors:
                self._errors[number] = frame.errors
            scalars = {CURVES[kind]: error for kind, error in frame.errors.items()}
            self.context.report(number + 1, self.video.count, scalars, lambda frame=frame: frame.stabilized)  # type: ignore[misc]
            yield frame.stabilized

    def _warping_items(self) -> dict[str, Item]:
        if not self._errors:
            return {}
        x = np.array(list(self._errors), np.float32)
        values = {kind: np.array([errors[kind] for errors in self._errors.values()], np.float32) for kind in CURVES}
        label = f"Change ({OF_255})"
        items: dict[str, Item] = {
            name: Series(x=x, y=values[kind], x_label="Frame", y_label=label) for kind, name in CURVES.items()
        }
        return items | {
            "mean_warping_error": Scalar(value=float(values["stabilized"].mean()), unit=OF_255),
            "mean_warping_error_framewise": Scalar(value=float(values["framewise"].mean()), unit=OF_255),
        }

    def _flicker_items(self) -> dict[str, Item]:
        flicker = self.painter.flicker
        stabilized, framewise = flicker.mean("stabilized"), flicker.mean("framewise")
        if stabilized is None or framewise is None:
            return {}
        return {
            "flicker": Scalar(value=stabilized, unit=OF_255),
            "flicker_framewise": Scalar(value=framewise, unit=OF_255),
        }


def flicker_summary(items: Mapping[str, Item]) -> str:
    """A sentence or two on the flicker of a stylized video; empty where nothing was measured."""
    sentences = []
    beginnings = {"flicker": "In static regions, the stylized video", "mean_warping_error": "Along the motion, it"}
    for name, beginning in beginnings.items():
        stabilized, framewise = items.get(name), items.get(f"{name}_framewise")
        if isinstance(stabilized, Scalar) and isinstance(framewise, Scalar):
            comparison = f"with frames stylized independently, by {framewise.value:.3g}"
            sentences.append(
                f"{beginning} changes by {stabilized.value:.3g} {OF_255} from frame to frame; {comparison}."
            )
    return " ".join(sentences)


def _small(frame: Pixels) -> Pixels:
    """The frame (H, W, 3) with its longer side reduced to at most `MAX_PX`, (h, w, 3) uint8."""
    height, width = frame.shape[:2]
    scale = min(1.0, MAX_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(PillowImage.fromarray(frame).resize(size))
