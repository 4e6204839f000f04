"""Frames -> an MP4 or GIF file, encoded by FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, cast

import av
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from core.items import Pixels

VideoKind = Literal["mp4", "gif"]
CODECS = {"mp4": ("libx264", "yuv420p"), "gif": ("gif", "pal8")}
X264 = {"crf": "18", "preset": "medium"}
"""Visually lossless."""


def encoded(frames: Iterable[Pixels], frame_rate: Fraction, kind: VideoKind) -> bytes:
    """The file of `frames`, each (H, W, 3) uint8 of one size with even sides, at `frame_rate` per second.

    A GIF has a palette per frame. The same frames give the same bytes: one thread encodes.
    """
    buffer = io.BytesIO()
    codec, colors = CODECS[kind]
    with av.open(buffer, "w", format=kind) as video:
        stream = cast(VideoStream, video.add_stream(codec, rate=frame_rate, options=X264 if kind == "mp4" else {}))
        stream.pix_fmt = colors
        stream.codec_context.thread_count = 1
        palettes: Graph | None = None
        for number, pixels in enumerate(frames):
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
                palettes = _palettes(stream.width, stream.height, frame_rate) if kind == "gif" else None
            frame = _timed(frame, number, frame_rate)
            if palettes is not None:
                palettes.push(frame)
                frame = _timed(cast(VideoFrame, palettes.pull()), number, frame_rate)
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    return buffer.getvalue()


def _timed(frame: VideoFrame, number: int, frame_rate: Fraction) -> VideoFrame:
    frame.pts, frame.time_base = number, 1 / frame_rate
    return frame


def _palettes(width: int, height: int, frame_rate: Fraction) -> Graph:
    """FFmpeg filters that reduce each RGB frame to a palette of its own with 256 colors."""
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=1 / frame_rate)
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    reduced, sink = graph.add("paletteuse", "new=1"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(reduced, 1, 0)
    palette.link_to(reduced, 0, 1)
    reduced.link_to(sink)
    graph.configure()
    return graph
