"""Probe or decode a video from standard input, a seekable file, under limits; `core.media.video` runs this as a child.

    python -I -m core.media.video_decoder probe
    python -I -m core.media.video_decoder LONGER_PX MAX_FRAMES

Standard output is a line of JSON. For `probe` it describes the whole video: `{frames, height, width, seconds, steady,
notes}`, seconds as numerator and denominator; else it is `{height, width, tick, durations, notes}`, and the frames
follow, row by row, RGB. For the exit statuses see `core/media/process_limits.py`.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any, BinaryIO, cast

import av
import numpy as np
from av.buffer import Buffer
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from core.media.frame_times import Timing, timing_of
from core.media.process_limits import Refused, exit_status_of, limit_process
from core.media.video_colors import check_colors, rgb_of

GIF, MP4, MATROSKA = "gif", "mp4", "matroska"
FORMATS = {
    b"GIF8": GIF, b"\x1aE\xdf\xa3": MATROSKA,
    **dict.fromkeys((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"), MP4),
}  # fmt: skip
"""The first four bytes of a file, or the next four -> FFmpeg's format; no other is tried."""
CODECS = ("av1", "gif", "h264", "hevc", "libdav1d", "mpeg4", "vp8", "vp9")
MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
MAX_ASPECT = 20
ONE = Fraction(1)
DEFAULT_RATE = Fraction(25)
"""Frames per second of a frame whose time is not known at all."""
MAX_SECONDS = 4 * 3600
"""A longer video within the limit of bytes has damaged times."""
SHORT_DELAY_CS, SHORT_DELAY = 10, re.compile(rb"\x21\xf9\x04.[\x00\x01]\x00.\x00", re.DOTALL)
"""For how long browsers show a GIF frame whose delay is 0 or 10 ms; how such a delay is written."""
INTERLACED = "interlaced: the two fields of a frame were made one picture"
TIME_S = 300
"""Limit of processor time."""
MEMORY_BYTES = 3 * 2**30
PROBE_S, PROBE_BYTES = 30, 3 * 2**29
"""Limits for probing and for a single frame, which a page waits for."""
OPEN_FILES = 64


def main() -> int:
    """Probe or decode standard input, by the arguments, and return the exit status."""
    file, arguments = sys.stdin.buffer, sys.argv[1:]
    short = arguments[-1:] in (["probe"], ["1"])
    memory_bytes, time_s = (PROBE_BYTES, PROBE_S) if short else (MEMORY_BYTES, TIME_S)
    limit_process(memory_bytes=memory_bytes, time_s=time_s, open_files=OPEN_FILES)
    if arguments == ["probe"]:
        return exit_status_of(lambda: probe(file))
    longer_px, max_frames = map(int, arguments)
    return exit_status_of(lambda: write(file, longer_px, max_frames))


def probe(file: BinaryIO) -> None:
    """Write the header of the whole video, from its packets; decodes the first frame. Raises Refused."""
    with opened(file) as video:
        packets = (packet for packet in video.demux(stream_of(video)) if packet.size and not packet.is_discard)
        shown = sorted(map(Shown, packets), key=lambda packet: packet.pts or 0)
        timing, notes = times(video, file, shown, len(shown))
    with opened(file) as video:
        first = next(frames(video), None)
        if first is None:
            raise Refused("has no frames")
        layout = layout_of(first, video)
    notes = [*notes, *layout.notes, *([INTERLACED] if first.interlaced_frame else [])]
    seconds, (height, width) = timing.seconds, layout.sides
    write_header(
        frames=len(timing.durations), height=height, width=width, seconds=[seconds.numerator, seconds.denominator],
        steady=max(timing.durations) - min(timing.durations) <= 1, notes=notes,
    )  # fmt: skip


def write(file: BinaryIO, longer_px: int, max_frames: int) -> None:
    """Write header and frames; looks at all frames first, since what the file says of them may be wrong.

    Raises Refused.
    """
    with opened(file) as video:
        shown = [Shown(frame) for frame in islice(frames(video), max_frames + 1)]  # and when the next one begins
        timing, notes = times(video, file, shown, max_frames)
    with opened(file) as video:
        decoded: Iterator[VideoFrame] = islice(frames(video), len(shown))
        if any(frame.interlaced for frame in shown):
            decoded, notes = deinterlaced(decoded), [*notes, INTERLACED]
        if len({frame.size for frame in shown}) > 1:
            notes = [*notes, "frames of another size are stretched to that of the first"]
        layout: Layout | None = None
        for frame in islice(decoded, max_frames):
            if layout is None:
                layout = layout_of(frame, video, longer_px)
                tick, (height, width) = timing.tick, layout.sides
                write_header(
                    height=height, width=width, tick=[tick.numerator, tick.denominator], durations=timing.durations,
                    notes=[*notes, *layout.notes],
                )  # fmt: skip
            sys.stdout.buffer.write(upright(frame, layout).tobytes())


def write_header(**values: Any) -> None:
    """Write the header to standard output."""
    sys.stdout.buffer.write(json.dumps(values).encode() + b"\n")


def opened(file: BinaryIO) -> InputContainer:
    """The video, with its header read and checked, at its start. Raises Refused."""
    file.seek(0)
    begin = file.read(8)
    file.seek(0)
    kind = FORMATS.get(begin[:4]) or FORMATS.get(begin[4:])
    if kind is None:
        raise Refused(f"begins with {begin!r}, it must be an MP4, MOV, WebM, Matroska or GIF file")
    video = av.open(file, "r", format=kind, metadata_errors="replace")
    if not video.streams.video:
        raise Refused("has no frames")
    stream = stream_of(video)
    width, height, codec = stream.codec_context.width, stream.codec_context.height, stream.codec_context.name
    if codec not in CODECS:
        raise Refused(f"is encoded as {codec}, it must be H.264, H.265, MPEG-4, VP8, VP9, AV1 or GIF")
    if not MIN_SIDE_PX <= min(width, height) <= max(width, height) <= MAX_SIDE_PX:
        raise Refused(f"is {width} x {height} px, its sides must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px")
    return video


def stream_of(video: InputContainer) -> VideoStream:
    """The first video stream."""
    return video.streams.video[0]


def frames(video: InputContainer) -> Iterator[VideoFrame]:
    """The frames in display order, decoded by one thread. Raises Refused for colors that are not converted."""
    stream = stream_of(video)
    stream.codec_context.thread_count = 1
    for frame in video.decode(stream):
        check_colors(frame, stream.codec_context.codec_tag)
        yield frame


# times


class Shown:
    """What is remembered of a decoded frame or a packet; times in ticks."""

    def __init__(self, frame: VideoFrame | Packet[VideoStream]) -> None:
        self.pts = frame.pts if frame.pts is not None else frame.dts
        self.duration: int = frame.duration or 0
        self.interlaced = isinstance(frame, VideoFrame) and frame.interlaced_frame
        self.size = (frame.height, frame.width) if isinstance(frame, VideoFrame) else None


def times(video: InputContainer, file: BinaryIO, shown: list[Shown], limit: int) -> tuple[Timing, list[str]]:
    """The times of the first `limit` of the frames shown, in display order, and what there is to say of them.

    Raises Refused for a video without frames, or one that seems to last for hours.
    """
    if not shown:
        raise Refused("has no frames")
    if video.format.name == GIF:
        timing, notes = gif_times(file, [frame.duration for frame in shown[:limit]])
    else:
        timing, notes = stream_times(video, shown, limit)
    if timing.seconds > MAX_SECONDS:
        raise Refused(f"lasts {float(timing.seconds):,.0f} s, the limit is {MAX_SECONDS:,} s")
    return timing, notes


def gif_times(file: BinaryIO, delays_cs: list[int]) -> tuple[Timing, list[str]]:
    """The times of a GIF. A delay of 0 or 10 ms counts as 100 ms, as in browsers."""
    file.seek(0)
    short = len(delays_cs) > 1 and SHORT_DELAY.search(file.read())  # FFmpeg does not tell 0 from 100 ms
    delays = tuple(delay if delay > 1 else SHORT_DELAY_CS for delay in delays_cs)
    return Timing(Fraction(1, 100), delays), ["delays of 0 and 10 ms count as 100 ms, as in browsers"] if short else []


def stream_times(video: InputContainer, shown: list[Shown], limit: int) -> tuple[Timing, list[str]]:
    """The times of a video with time stamps; the first frame begins at 0."""
    stream = stream_of(video)
    tick = stream.time_base or Fraction(1, 1000)
    own = [frame.duration for frame in shown]
    if stream.codec_context.has_b_frames:  # then it lasts until the next frame is decoded, not until it is shown
        own = [0] * len(own)
    end = shown[limit].pts if len(shown) > limit else end_of(video)
    usual = max(1, round(1 / ((stream.average_rate or DEFAULT_RATE) * tick)))
    timing, repaired = timing_of([frame.pts for frame in shown[:limit]], own[:limit], tick, end, usual)
    note = f"{repaired} frames had no time after that of the frame before, and follow it at the usual pace"
    return timing, [note] if repaired else []


def end_of(video: InputContainer) -> int | None:
    """When the last frame ends, in ticks, as far as the file says."""
    stream = stream_of(video)
    if stream.duration is not None:
        return (stream.start_time or 0) + stream.duration
    if video.duration is None or stream.time_base is None or len(video.streams) > 1:
        return None
    return round(Fraction(video.duration, av.time_base) / stream.time_base)


# pictures


@dataclass(frozen=True)
class Layout:
    """How the frames of a video become upright pictures with square pixels."""

    sides: tuple[int, int]
    """Height and width of the pictures."""
    transposed: bool
    """Whether rows become columns; this first, then the flips."""
    flipped: tuple[bool, bool]
    """Whether rows and columns are in the opposite order."""
    notes: tuple[str, ...]
    """What there is to say of the shape."""


def layout_of(frame: VideoFrame, video: InputContainer, longer_px: int | None = None) -> Layout:
    """The layout of a video with such frames, with a longer side of at most `longer_px`. Raises Refused."""
    ratio = pixel_aspect(video)
    height, width = frame.height * float(max(ONE, 1 / ratio)), frame.width * float(max(ONE, ratio))
    notes = [] if ratio == 1 else [f"pixels of {ratio.numerator}:{ratio.denominator} were made square"]
    if {name.lower(): value for name, value in stream_of(video).metadata.items()}.get("alpha_mode") == "1":
        notes.append("its transparency is left out")
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise Refused(f"is {width:.0f} x {height:.0f} px, one side must be at most {MAX_ASPECT} times the other")
    transposed, flipped = orientation(frame)
    sides = (width, height) if transposed else (height, width)
    scale = 1.0
    if longer_px is not None:
        scale = min(1.0, max(longer_px / max(sides), MIN_SIDE_PX / min(sides)))
        if scale * max(sides) > longer_px + 1:
            notes.append(f"the longer side is more than {longer_px} px, since the shorter one is {MIN_SIDE_PX} px")
    height, width = (round(side * scale) for side in sides)
    return Layout((height, width), transposed, flipped, tuple(notes))


def pixel_aspect(video: InputContainer) -> Fraction:
    """Width of a pixel relative to its height; browsers take those of GIFs as square."""
    known = None if video.format.name == GIF else stream_of(video).sample_aspect_ratio
    return known or ONE


def orientation(frame: VideoFrame) -> tuple[bool, tuple[bool, bool]]:
    """Whether the display matrix transposes the frame, and whether it then flips rows and columns."""
    matrix = cast(Mapping[SideData, Buffer], frame.side_data).get(SideData.DISPLAYMATRIX)
    if matrix is None:
        return False, (False, False)
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # x' = a x + c y, y' = b x + d y
    transposed = abs(b) > abs(a)
    return transposed, (b < 0, c < 0) if transposed else (d < 0, a < 0)


def upright(frame: VideoFrame, layout: Layout) -> NDArray[np.uint8]:
    """The frame as an upright picture, sRGB (height, width, 3) uint8."""
    pixels = rgb_of(frame, *(reversed(layout.sides) if layout.transposed else layout.sides))
    if layout.transposed:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = (slice(None, None, -1 if flip else 1) for flip in layout.flipped)
    return np.ascontiguousarray(pixels[rows, columns])


def own_frames(content: bytes) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) uint8 of a file that Gazegrid wrote, in this process; not for uploads."""
    with opened(io.BytesIO(content)) as video:
        for frame in frames(video):
            yield rgb_of(frame, frame.height, frame.width)


def deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The frames, with the two fields of those that are interlaced made one picture."""
    graph: Graph | None = None
    for frame in frames:
        graph = graph or _deinterlacer(frame)
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _deinterlacer(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    fields, sink = graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    """All frames that the filters have ready."""
    while True:
        try:
            yield cast(VideoFrame, graph.pull())
        except (BlockingIOError, EOFError):  # it needs another frame; it has given all
            return


if __name__ == "__main__":
    sys.exit(main())
