"""Frames -> an MP4 or GIF file, encoded by FFmpeg, with the times of their source.

The same frames give the same bytes: one thread encodes.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import IO, Literal, Protocol, Self, cast

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from core.items import Pixels
from core.media.frame_times import Held, Steps, Timing, held_in

VideoKind = Literal["mp4", "gif"]
X264 = {"crf": "18", "preset": "medium", "bf": "0"}
"""Visually lossless. Frames in order: for unequal times and B-frames, FFmpeg writes too short an edit list."""
LOSSLESS = {"qp": "0", "preset": "ultrafast"}
GIF_STEPS = Steps(Fraction(1, 100), least=2, most=65_535)
"""Browsers show frames of 0 or 10 ms for 100 ms."""
MP4_TICKS = 10_000, 1_000_000
"""Ticks a second of an MP4: FFmpeg doubles them up to the first; above the second, long frames have no number."""
DITHER = "bayer:bayer_scale=4"
"""The same in all frames, so that what stands still in a video stands still in its GIF."""
DEAD_BAND = 1
"""A color that changes by no more, of 255, stays in a GIF: the palette would make it a jump of several."""
MPEG = int(ColorRange.MPEG)


class VideoWriter:
    """Encodes the frames of a video one by one; a context manager, since a GIF needs a file on disk meanwhile."""

    def __init__(self, kind: VideoKind, timing: Timing, height: int, width: int) -> None:
        """`timing`: of all frames that will be added, each (height, width, 3) uint8."""
        self.kind, self.timing, self.height, self.width = kind, timing, height, width
        self.held: Held = held_in(timing, GIF_STEPS if kind == "gif" else _mp4_steps(timing.tick))
        """The frames that the file holds."""
        self._file: _File = _Gif(height, width) if kind == "gif" else _Mp4(height, width, self.held.timing)
        self._number = self._next = 0

    def add(self, pixels: Pixels) -> None:
        """Encode the next frame, as often as the file holds it."""
        numbers, timing = self.held.numbers, self.held.timing
        while self._next < len(numbers) and numbers[self._next] == self._number:
            self._file.add(pixels, self.held.timing.moments[self._next], timing.durations[self._next], timing.tick)
            self._next += 1
        self._number += 1

    def finished(self) -> bytes:
        """The file, after the last frame."""
        return self._file.finished()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def notes(self) -> list[str]:
        """What the file cannot hold of its source, a clause each."""
        kind, ms = self.kind.upper(), float(1000 * self.held.timing.tick)
        notes = []
        if self.held.count < len(self.timing.durations):
            notes.append(
                f"{self.held.count} of {len(self.timing.durations)} frames are kept, since browsers show no frame of a "
                f"{kind} for less than {GIF_STEPS.least * ms:g} ms"
            )
        if any(moment * self.timing.tick % self.held.timing.tick for moment in self.timing.moments):
            notes.append(f"times are rounded to {ms:g} ms, in which a {kind} counts")
        if self.kind == "mp4" and (self.height % 2 or self.width % 2):
            notes.append(f"{self.width} x {self.height} px are padded to even sides, as an MP4 has them")
        return notes


def encoded(frames: Iterable[Pixels], timing: Timing, kind: VideoKind) -> bytes:
    """The file of `frames`, each (H, W, 3) uint8 of one size."""
    iterator = iter(frames)
    first = next(iterator)
    with VideoWriter(kind, timing, *first.shape[:2]) as writer:
        for pixels in (first, *iterator):
            writer.add(pixels)
        return writer.finished()


def _mp4_steps(tick: Fraction) -> Steps:
    """The steps of an MP4 that holds multiples of `tick`, if these are not too fine."""
    fewest, most = MP4_TICKS
    count = min(tick.denominator, most)
    while count < fewest:
        count *= 2
    return Steps(Fraction(1, count))


class _File(Protocol):
    def add(self, pixels: Pixels, begin: int, duration: int, tick: Fraction) -> None:
        """Encode a frame that is shown from `begin` on, in ticks."""

    def finished(self) -> bytes: ...

    def close(self) -> None: ...


class _Mp4:
    """H.264 with every color tag of BT.709, without which browsers guess the matrix by the number of rows."""

    def __init__(self, height: int, width: int, timing: Timing) -> None:
        self.padding = ((0, height % 2), (0, width % 2), (0, 0))
        self.buffer = io.BytesIO()
        self.video = av.open(self.buffer, "w", format="mp4")
        rate = min(max(timing.mean_rate, Fraction(1)), Fraction(120))  # for the encoder's level and rate control alone
        self.stream = _stream(self.video, "libx264", X264, rate.limit_denominator(1001), timing.tick)
        self.stream.height, self.stream.width = height + height % 2, width + width % 2
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.colorspace, context.color_range = 1, MPEG
        context.color_primaries, context.color_trc = int(ColorPrimaries.BT709), int(ColorTrc.BT709)

    def add(self, pixels: Pixels, begin: int, duration: int, tick: Fraction) -> None:
        frame = VideoFrame.from_ndarray(np.pad(pixels, self.padding, mode="edge"), format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=MPEG, threads=1,
            interpolation=int(Interpolation.AREA | Interpolation.ACCURATE_RND),
        )  # fmt: skip
        self.video.mux(self.stream.encode(_timed(frame, begin, duration, tick)))

    def finished(self) -> bytes:
        return _closed(self.video, self.stream, self.buffer)

    def close(self) -> None:
        self.buffer.close()


class _Gif:
    """A GIF with one palette, which is made of all frames; they wait in a lossless file on disk.

    Palettes and dithering of their own would make frames flicker where nothing changes.
    """

    def __init__(self, height: int, width: int) -> None:
        self.size = (height, width)
        self.times: list[tuple[int, int, Fraction]] = []
        self.before = np.zeros((0, 0, 3), np.uint8)
        self.waiting: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  `close` closes it
        self.video = av.open(self.waiting, "w", format="matroska")
        self.stream = _stream(self.video, "libx264rgb", LOSSLESS, Fraction(25), Fraction(1, 1000))
        self.stream.height, self.stream.width = height, width
        self.stream.pix_fmt = "rgb24"
        self.palette = Graph()
        self.palette.threads = 1
        self.colors = _source(self.palette, height, width)
        maker, self.sink = self.palette.add("palettegen", "stats_mode=full"), self.palette.add("buffersink")
        self.colors.link_to(maker)
        maker.link_to(self.sink)
        self.palette.configure()

    def add(self, pixels: Pixels, begin: int, duration: int, tick: Fraction) -> None:
        if self.times:
            change = np.abs(pixels.astype(np.int16) - self.before).max(axis=2, keepdims=True)
            pixels = np.where(change <= DEAD_BAND, self.before, pixels)
        self.before = pixels
        frame = _timed(VideoFrame.from_ndarray(pixels, format="rgb24"), len(self.times), 1, Fraction(1, 1000))
        self.times.append((begin, duration, tick))
        self.colors.push(frame)
        self.video.mux(self.stream.encode(frame))

    def finished(self) -> bytes:
        self.colors.push(None)
        palette = cast(VideoFrame, self.sink.pull())
        self.video.mux(self.stream.encode())
        self.video.close()
        buffer = io.BytesIO()
        last_cs = str(self.times[-1][1])
        with av.open(buffer, "w", format="gif", options={"final_delay": last_cs}) as video:
            stream = _stream(video, "gif", {}, Fraction(25), GIF_STEPS.tick)
            stream.height, stream.width = self.size
            stream.pix_fmt = "pal8"
            for frame, times in zip(_reduced(self._again(), palette, *self.size), self.times, strict=True):
                video.mux(stream.encode(_timed(frame, *times)))
            return _closed(video, stream, buffer)

    def close(self) -> None:
        self.waiting.close()

    def _again(self) -> Iterator[VideoFrame]:
        """The frames that were added."""
        self.waiting.seek(0)
        with av.open(self.waiting, "r", format="matroska") as video:
            video.streams.video[0].codec_context.thread_count = 1
            for number, frame in enumerate(video.decode(video=0)):
                yield _timed(frame.reformat(format="rgb24"), number, 1, Fraction(1, 1000))


def _stream(video: OutputContainer, codec: str, options: dict[str, str], rate: Fraction, tick: Fraction) -> VideoStream:
    """A new stream of frames whose times are counted in `tick`, encoded by one thread."""
    stream = cast(VideoStream, video.add_stream(codec, rate=rate, options=options))
    stream.codec_context.thread_count = 1
    stream.codec_context.time_base = tick
    stream.codec_context.flags |= int(Flags.frame_duration)
    return stream


def _timed(frame: VideoFrame, begin: int, duration: int, tick: Fraction) -> VideoFrame:
    frame.pts, frame.duration, frame.time_base = begin, duration, tick
    return frame


def _closed(video: OutputContainer, stream: VideoStream, buffer: io.BytesIO) -> bytes:
    video.mux(stream.encode())
    video.close()
    return buffer.getvalue()


def _source(graph: Graph, height: int, width: int, pixels: str = "rgb24") -> FilterContext:
    return graph.add_buffer(width=width, height=height, format=VideoFormat(pixels), time_base=Fraction(1, 1000))


def _reduced(frames: Iterator[VideoFrame], palette: VideoFrame, height: int, width: int) -> Iterator[VideoFrame]:
    """The RGB frames in the colors of the palette."""
    graph = Graph()
    graph.threads = 1
    source = _source(graph, height, width)
    colors = _source(graph, palette.height, palette.width, palette.format.name)
    reduction, sink = graph.add("paletteuse", f"dither={DITHER}"), graph.add("buffersink")
    source.link_to(reduction, 0, 0)
    colors.link_to(reduction, 0, 1)
    reduction.link_to(sink)
    graph.configure()
    colors.push(_timed(palette, 0, 1, Fraction(1, 1000)))
    colors.push(None)
    for frame in frames:
        source.push(frame)
        yield cast(VideoFrame, sink.pull())
