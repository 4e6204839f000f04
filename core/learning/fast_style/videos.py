"""Stylization of a whole video: progress reports, the encoded video, and result items."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction

import numpy as np
from PIL import Image as PillowImage
from torch import Tensor

from core.engine.ranges import from_pixels
from core.items import Animation, Item, Pixels, Scalar, Series
from core.learning.fast_style.flicker import ORIGINAL, FlickerMeter
from core.learning.fast_style.stabilization import StabilizedPainter
from core.media.frame_times import Held, Steps, every, held_in
from core.media.video import DecodedVideo
from core.media.video_decoder import own_frames
from core.media.video_writer import VideoKind, VideoWriter
from core.method_base.method import Context

MAX_FRAMES, MAX_PX = 96, 320
"""Maximal number of frames and longer side of animations on a page, which are loaded whole."""
SHOWN_STEPS = Steps(Fraction(1, 1000), least=20)
"""Times of animations: milliseconds; browsers show no frame for less than 20."""
OF_255 = "of 255"
STABILIZED, FRAMEWISE = "stabilized", "framewise"
CURVES = {STABILIZED: "warping_error", FRAMEWISE: "warping_error_framewise", ORIGINAL: "warping_error_original"}

Opening = Callable[[], AbstractContextManager[DecodedVideo]]


class Painting:
    """Stylizes one video, then measures it as its file shows it.

    The comparison with frames that are stylized independently is fair: they are encoded in the same way.
    """

    def __init__(self, opening: Opening, painter: StabilizedPainter, context: Context) -> None:
        """`opening`: opens the video, each time from its first frame."""
        self.opening, self.painter, self.context = opening, painter, context

    def items(self, kind: VideoKind) -> dict[str, Item]:
        """Stylize the whole video; returns items by the names of the outputs of `style_video`."""
        writer, files, notes = self._painted(kind)
        shown, durations_ms = _shown(writer.held)
        small: list[tuple[Pixels, Pixels]] = []
        meter, errors = FlickerMeter(), dict[int, Mapping[str, float]]()
        for place, frames in enumerate(self._read_again(writer.held, files)):
            number = writer.held.numbers[place]
            if place in shown:
                small.append((_small(frames[STABILIZED]), _small(frames[ORIGINAL])))
            if writer.held.repeats(place):
                continue
            change = meter.add({video: self._tensor(pixels) for video, pixels in frames.items()})
            if change:
                errors[number] = change
            self._report(len(writer.timing.durations) + number + 1, writer, change, frames)
        stylized, originals = map(np.stack, zip(*small, strict=True))
        items: dict[str, Item] = {
            "stylized": Animation(
                frames=stylized, durations_ms=durations_ms, whole=files[STABILIZED], caption=_sentence(notes)
            ),
            "original": Animation(frames=originals, durations_ms=durations_ms),
            "frames": Scalar(value=writer.held.count, unit="frames"),
        }
        return items | _warping_items(errors) | _flicker_items(meter)

    def _painted(self, kind: VideoKind) -> tuple[VideoWriter, dict[str, bytes], list[str]]:
        """A writer that has finished, the files of both stylizations, and what there is to say of their times."""
        with self.opening() as video, ExitStack() as stack:
            writers = {
                name: stack.enter_context(VideoWriter(kind, video.timing, video.height, video.width))
                for name in (STABILIZED, FRAMEWISE)
            }
            for number, frame in enumerate(self.painter.paint(video.frames)):
                writers[STABILIZED].add(frame.stabilized)
                writers[FRAMEWISE].add(frame.framewise)
                self._report(number + 1, writers[STABILIZED], {}, {STABILIZED: frame.stabilized})
            writer = writers[STABILIZED]
            return writer, {name: one.finished() for name, one in writers.items()}, [*video.notes, *writer.notes()]

    def _report(
        self, step: int, writer: VideoWriter, errors: Mapping[str, float], frames: Mapping[str, Pixels]
    ) -> None:
        """Every frame is a step twice: when it is painted, and when it is measured."""
        scalars = {CURVES[video]: error for video, error in errors.items()}
        self.context.report(step, 2 * len(writer.timing.durations), scalars, lambda: frames[STABILIZED])

    def _read_again(self, held: Held, files: Mapping[str, bytes]) -> Iterator[dict[str, Pixels]]:
        """The frames of the files, each with that of the original video."""
        with self.opening() as video:
            originals = enumerate(video.frames)
            number, original = next(originals)
            for own, stylized, framewise in zip(
                held.numbers, own_frames(files[STABILIZED]), own_frames(files[FRAMEWISE]), strict=True
            ):
                while number < own:
                    number, original = next(originals)
                height, width = original.shape[:2]
                unpadded = slice(height), slice(width)
                yield {ORIGINAL: original, STABILIZED: stylized[unpadded], FRAMEWISE: framewise[unpadded]}

    def _tensor(self, pixels: Pixels) -> Tensor:
        return from_pixels(pixels.copy()).to(self.painter.painter.device)


def _shown(held: Held) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places in the file of the frames that a page shows, and for how many milliseconds each."""
    some = every(held.timing, math.ceil(len(held.numbers) / MAX_FRAMES))
    shown = held_in(some.timing, SHOWN_STEPS)
    return tuple(some.numbers[number] for number in shown.numbers), shown.timing.durations


def _sentence(notes: list[str]) -> str:
    """The clauses as one sentence."""
    text = "; ".join(notes)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _warping_items(errors: Mapping[int, Mapping[str, float]]) -> dict[str, Item]:
    """Curves over the numbers of the original's frames, and their means."""
    x = np.array(list(errors), np.float32)
    values = {video: np.array([one[video] for one in errors.values()], np.float32) for video in CURVES}
    label = f"Change ({OF_255})"
    curves: dict[str, Item] = {
        name: Series(x=x, y=values[video], x_label="Frame", y_label=label) for video, name in CURVES.items()
    }
    means = {video: float(values[video].mean()) if errors else None for video in (STABILIZED, FRAMEWISE)}
    return (curves if errors else {}) | _comparison("mean_warping_error", means, "no frame continues the one before it")


def _flicker_items(meter: FlickerMeter) -> dict[str, Item]:
    flicker = {video: meter.flicker(video) for video in (STABILIZED, FRAMEWISE)}
    return _comparison("flicker", flicker, "hardly any of the original stands still")


def _comparison(name: str, values: Mapping[str, float | None], problem: str) -> dict[str, Item]:
    """A number of the stylized video and of frames stylized independently. `problem`: why it may have no meaning."""
    return {
        f"{name}{ending}": Scalar(value=values[video], unit=OF_255, reason=problem if values[video] is None else "")
        for video, ending in ((STABILIZED, ""), (FRAMEWISE, "_framewise"))
    }


def flicker_summary(items: Mapping[str, Item]) -> str:
    """A sentence or two on the flicker of a stylized video; empty where nothing was measured."""
    sentences = []
    beginnings = {
        "flicker": "In static regions, the stylized video", "mean_warping_error": "Along the motion, the stylized video"
    }  # fmt: skip
    for name, beginning in beginnings.items():
        stabilized, framewise = items.get(name), items.get(f"{name}_framewise")
        values = [item.value for item in (stabilized, framewise) if isinstance(item, Scalar) and item.value is not None]
        if len(values) == 2:
            sentences.append(
                f"{beginning} changes by {values[0]:.3g} {OF_255} from frame to frame; with frames stylized "
                f"independently, by {values[1]:.3g}."
            )
    return " ".join(sentences)


def _small(frame: Pixels) -> Pixels:
    """The frame (H, W, 3) with its longer side reduced to at most `MAX_PX`, (h, w, 3) uint8."""
    height, width = frame.shape[:2]
    scale = min(1.0, MAX_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(PillowImage.fromarray(frame).resize(size))
