"""Probe or decode a video from standard input, a seekable file, under limits; `core.media.video` runs this as a child.

    python -I -m core.media.video_decoder probe
    python -I -m core.media.video_decoder LONGER_PX MAX_FRAMES

Standard output is a line of JSON `[frames, height, width, numerator, denominator]`, the last two of the frame rate. For
`probe` it describes the whole video; else the frames that follow, row by row, RGB. For the exit statuses see
`core/media/process_limits.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from core.media.process_limits import Refused, exit_status_of, limit_process

FORMATS = {b"GIF8": "gif", b"ftyp": "mp4"}
"""The first four bytes of a file, or the next four -> FFmpeg's format; no other is tried."""
CODECS = ("av1", "gif", "h264", "hevc", "libdav1d", "mpeg4", "vp9")
MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
MAX_ASPECT = 20
MIN_RATE, DEFAULT_RATE, MAX_RATE = Fraction(1, 2), Fraction(25), Fraction(120)
"""Frames per second; the default is for videos without a frame rate."""
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
    """Write the header of the whole video; counts its frames and decodes the first. Raises Refused."""
    with opened(file) as video:
        count = sum(1 for packet in video.demux(stream_of(video)) if packet.size)
    with opened(file) as video:
        first = next(frames(video, 1), None)
        if first is None:
            raise Refused("has no frames")
        sides = (first.width, first.height) if first.rotation % 180 else (first.height, first.width)
        write_header(count, sides, rate_of(video))


def write_header(count: int, sides: tuple[int, ...], frame_rate: Fraction) -> None:
    """Write the header to standard output; `sides`: height and width in pixels."""
    sys.stdout.buffer.write(json.dumps([count, *sides, frame_rate.numerator, frame_rate.denominator]).encode() + b"\n")


def write(file: BinaryIO, longer_px: int, max_frames: int) -> None:
    """Write header and frames; counts the frames first, since the number in the file may be wrong. Raises Refused."""
    with opened(file) as video:
        count = sum(1 for _ in frames(video, max_frames))
    if count == 0:
        raise Refused("has no frames")
    with opened(file) as video:
        shape: tuple[int, ...] = ()
        for frame in frames(video, count):
            pixels = pixels_of(frame, shape[:2] or fitted(frame, longer_px))
            if not shape:
                shape = pixels.shape
                write_header(count, shape[:2], rate_of(video))
            sys.stdout.buffer.write(pixels.tobytes())


def opened(file: BinaryIO) -> InputContainer:
    """The video, with its header read and checked, at its start. Raises Refused."""
    file.seek(0)
    begin = file.read(8)
    file.seek(0)
    kind = FORMATS.get(begin[:4]) or FORMATS.get(begin[4:])
    if kind is None:
        raise Refused(f"begins with {begin!r}, it must be an MP4 or GIF file")
    video = av.open(file, "r", format=kind, metadata_errors="replace")
    if not video.streams.video:
        raise Refused("has no frames")
    stream = stream_of(video)
    width, height, codec = stream.codec_context.width, stream.codec_context.height, stream.codec_context.name
    if codec not in CODECS:
        raise Refused(f"is encoded as {codec}, it must be H.264, H.265, MPEG-4, VP9, AV1 or GIF")
    if not MIN_SIDE_PX <= min(width, height) <= max(width, height) <= MAX_SIDE_PX:
        raise Refused(f"is {width} x {height} px, its sides must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused(f"is {width} x {height} px, one side must be at most {MAX_ASPECT} times the other")
    return video


def stream_of(video: InputContainer) -> VideoStream:
    """The first video stream."""
    return video.streams.video[0]


def rate_of(video: InputContainer) -> Fraction:
    """Frames per second, from 1/2 to 120."""
    return min(max(stream_of(video).average_rate or DEFAULT_RATE, MIN_RATE), MAX_RATE)


def frames(video: InputContainer, limit: int) -> Iterator[VideoFrame]:
    """The first frames, at most `limit`, decoded by one thread."""
    stream_of(video).codec_context.thread_count = 1
    return islice(video.decode(stream_of(video)), limit)


def fitted(frame: VideoFrame, longer_px: int) -> tuple[int, int]:
    """(height, width) of the frame upright, with a longer side of at most `longer_px`; even, as H.264 requires."""
    sides = (frame.width, frame.height) if frame.rotation % 180 else (frame.height, frame.width)
    scale = min(1.0, longer_px / max(sides))
    height, width = (max(MIN_SIDE_PX, 2 * round(side * scale / 2)) for side in sides)
    return height, width


def pixels_of(frame: VideoFrame, size: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The frame (height, width, 3) uint8, upright, scaled to `size` (height, width)."""
    height, width = reversed(size) if frame.rotation % 180 else size
    unrotated = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(unrotated, frame.rotation // 90 % 4))


if __name__ == "__main__":
    sys.exit(main())
