"""Look at a video or decode it from standard input, a seekable file, under limits. Run by `core.media.video`, apart.

    python -I -m core.media.video_decoder look
    python -I -m core.media.video_decoder LONGER_PX MOST

Standard output is a line of JSON `[frames, height, width, numerator, denominator]`, the last two of the frames a
second, for `look` of the whole video as it is; and else of what follows, the frames, row by row, RGB. Exit statuses are
told in `core/media/process_limits.py`.
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

from core.media.process_limits import Refused, answered, limit_process

FORMATS = {b"GIF8": "gif", b"ftyp": "mp4"}
"""What stands at a file's beginning, or behind its first four bytes -> FFmpeg's format; no other is tried."""
CODECS = ("av1", "gif", "h264", "hevc", "libdav1d", "mpeg4", "vp9")
MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
MAX_ASPECT = 20
SLOWEST, USUAL, FASTEST = Fraction(1, 2), Fraction(25), Fraction(120)
"""Frames a second; the middle one where a video does not say."""
TIME_S = 300
"""Of the processor."""
MEMORY_BYTES = 3 * 2**30
LOOK_S, LOOK_BYTES = 30, 3 * 2**29
"""The same for a look or a single frame, which a page waits for."""
OPEN_FILES = 64


def main() -> int:
    """Do with standard input what the arguments say; the exit status."""
    file, arguments = sys.stdin.buffer, sys.argv[1:]
    short = arguments[-1:] in (["look"], ["1"])
    memory_bytes, time_s = (LOOK_BYTES, LOOK_S) if short else (MEMORY_BYTES, TIME_S)
    limit_process(memory_bytes=memory_bytes, time_s=time_s, open_files=OPEN_FILES)
    if arguments == ["look"]:
        return answered(lambda: look(file))
    longer_px, most = map(int, arguments)
    return answered(lambda: write(file, longer_px, most))


def look(file: BinaryIO) -> None:
    """The header of the whole video: its frames are counted, and the first one is decoded."""
    with opened(file) as video:
        count = sum(1 for packet in video.demux(stream_of(video)) if packet.size)
    with opened(file) as video:
        first = next(frames(video, 1), None)
        if first is None:
            raise Refused("has no picture in it")
        sides = (first.width, first.height) if first.rotation % 180 else (first.height, first.width)
        say(count, sides, rate_of(video))


def say(count: int, sides: tuple[int, ...], frame_rate: Fraction) -> None:
    """The header to standard output; `sides`: height, width."""
    sys.stdout.buffer.write(json.dumps([count, *sides, frame_rate.numerator, frame_rate.denominator]).encode() + b"\n")


def write(file: BinaryIO, longer_px: int, most: int) -> None:
    """The header and at most so many frames, so large. They are counted first: a video's own number may be wrong."""
    with opened(file) as video:
        count = sum(1 for _ in frames(video, most))
    if count == 0:
        raise Refused("has no picture in it")
    with opened(file) as video:
        shape: tuple[int, ...] = ()
        for frame in frames(video, count):
            pixels = pixels_of(frame, shape[:2] or fitted(frame, longer_px))
            if not shape:
                shape = pixels.shape
                say(count, shape[:2], rate_of(video))
            sys.stdout.buffer.write(pixels.tobytes())


def opened(file: BinaryIO) -> InputContainer:
    """The video from its start, its header read. Raises Refused."""
    file.seek(0)
    begin = file.read(8)
    file.seek(0)
    kind = FORMATS.get(begin[:4]) or FORMATS.get(begin[4:])
    if kind is None:
        raise Refused(f"begins with {begin!r}, allowed are videos of MP4 and GIF")
    video = av.open(file, "r", format=kind, metadata_errors="replace")
    if not video.streams.video:
        raise Refused("has no picture in it")
    stream = stream_of(video)
    width, height, codec = stream.codec_context.width, stream.codec_context.height, stream.codec_context.name
    if codec not in CODECS:
        raise Refused(f"is encoded as {codec}, allowed are H.264, H.265, MPEG-4, VP9, AV1 and GIF")
    if not MIN_SIDE_PX <= min(width, height) <= max(width, height) <= MAX_SIDE_PX:
        raise Refused(f"is {width} x {height} px, allowed are sides of {MIN_SIDE_PX} to {MAX_SIDE_PX} px")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused(f"is {width} x {height} px, allowed is one side at most {MAX_ASPECT} times the other")
    return video


def stream_of(video: InputContainer) -> VideoStream:
    """Its first pictures; sound and other streams are left out."""
    return video.streams.video[0]


def rate_of(video: InputContainer) -> Fraction:
    """Frames a second, within reason."""
    return min(max(stream_of(video).average_rate or USUAL, SLOWEST), FASTEST)


def frames(video: InputContainer, most: int) -> Iterator[VideoFrame]:
    """The first frames, decoded by one thread."""
    stream_of(video).codec_context.thread_count = 1
    return islice(video.decode(stream_of(video)), most)


def fitted(frame: VideoFrame, longer_px: int) -> tuple[int, int]:
    """(height, width) of the frame upright, shrunk to this longer side; even numbers, as H.264 wants them."""
    sides = (frame.width, frame.height) if frame.rotation % 180 else (frame.height, frame.width)
    times = min(1.0, longer_px / max(sides))
    height, width = (max(MIN_SIDE_PX, 2 * round(side * times / 2)) for side in sides)
    return height, width


def pixels_of(frame: VideoFrame, size: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(height, width, 3) uint8, upright."""
    height, width = reversed(size) if frame.rotation % 180 else size
    lying = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(lying, frame.rotation // 90 % 4))


if __name__ == "__main__":
    sys.exit(main())
