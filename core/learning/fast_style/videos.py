"""A video from frames to a video: what is reported on the way, and what is shown and measured in the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image as PillowImage

from core.items import Animation, Item, Pixels, Scalar, Series
from core.learning.fast_style.steady import SteadyPainter
from core.media.video import DecodedVideo
from core.media.video_writer import VideoKind, encoded
from core.method_base.method import Context

SHOWN_FRAMES, SHOWN_PX = 96, 320
"""Of the videos on a page, at most; a page loads them whole."""
LEAST_MS = 20
OF_255 = "of 255"
CURVES = {"steady": "warping_error", "alone": "warping_error_framewise", "original": "warping_error_original"}


class Painting:
    """A video that is being painted."""

    def __init__(self, video: DecodedVideo, painter: SteadyPainter, context: Context) -> None:
        self.video, self.painter, self.context = video, painter, context
        self._every = math.ceil(video.count / SHOWN_FRAMES)
        self._shown: list[tuple[Pixels, Pixels]] = []
        """Small frames, painted and original; of the others nothing stays in memory."""
        self._errors: dict[int, Mapping[str, float]] = {}

    def items(self, kind: VideoKind) -> dict[str, Item]:
        """Paint all of it; what is shown and measured, by the outputs' names of `style_video`."""
        whole = encoded(self._frames(), self.video.frame_rate, kind)
        frame_ms = max(LEAST_MS, round(1000 * self._every / self.video.frame_rate))
        painted, originals = map(np.stack, zip(*self._shown, strict=True))
        items: dict[str, Item] = {
            "stylized": Animation(frames=painted, frame_ms=frame_ms, whole=whole),
            "original": Animation(frames=originals, frame_ms=frame_ms),
            "frames": Scalar(value=self.video.count, unit="frames"),
        }
        return items | self._along_the_motion() | self._where_it_is_still()

    def _frames(self) -> Iterator[Pixels]:
        for number, frame in enumerate(self.painter.paint(self.video.frames)):
            if number % self._every == 0:
                self._shown.append((_small(frame.steady), _small(frame.original)))
            if frame.errors:
                self._errors[number] = frame.errors
            numbers = {CURVES[kind]: error for kind, error in frame.errors.items()}
            self.context.report(number + 1, self.video.count, numbers, lambda seen=frame: seen.steady)  # type: ignore[misc]
            yield frame.steady

    def _along_the_motion(self) -> dict[str, Item]:
        if not self._errors:
            return {}
        x = np.array(list(self._errors), np.float32)
        found = {kind: np.array([errors[kind] for errors in self._errors.values()], np.float32) for kind in CURVES}
        label = f"Change ({OF_255})"
        items: dict[str, Item] = {
            name: Series(x=x, y=found[kind], x_label="Frame", y_label=label) for kind, name in CURVES.items()
        }
        return items | {
            "mean_warping_error": Scalar(value=float(found["steady"].mean()), unit=OF_255),
            "mean_warping_error_framewise": Scalar(value=float(found["alone"].mean()), unit=OF_255),
        }

    def _where_it_is_still(self) -> dict[str, Item]:
        flicker = self.painter.flicker
        steady, alone = flicker.of("steady"), flicker.of("alone")
        if steady is None or alone is None:
            return {}
        return {
            "flicker": Scalar(value=steady, unit=OF_255),
            "flicker_framewise": Scalar(value=alone, unit=OF_255),
        }


def steadiness_in_words(items: Mapping[str, Item]) -> str:
    """What was measured of a painted video, in a sentence or two; empty where nothing was."""
    told = []
    places = {"flicker": "Where the video does not change, the painting", "mean_warping_error": "Along its motion, it"}
    for name, place in places.items():
        steady, alone = items.get(name), items.get(f"{name}_framewise")
        if isinstance(steady, Scalar) and isinstance(alone, Scalar):
            instead = f"with frames painted each by itself, by {alone.value:.3g}"
            told.append(f"{place} changes by {steady.value:.3g} {OF_255} from frame to frame; {instead}.")
    return " ".join(told)


def _small(frame: Pixels) -> Pixels:
    """(h, w, 3), the longer side `SHOWN_PX` at most."""
    height, width = frame.shape[:2]
    times = min(1.0, SHOWN_PX / max(height, width))
    size = max(1, round(width * times)), max(1, round(height * times))
    return np.asarray(PillowImage.fromarray(frame).resize(size))
