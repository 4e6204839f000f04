"""Video files as cameras, telephones, screen recorders and browsers write them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from PIL import Image as PillowImage

from core.items import Pixels
from core.media import video as core_video
from core.media import video_decoder
from core.media.video import DecodedVideo, Video, VideoFacts
from tests.support.videos import pan

RED = (200, 30, 30)
SWS = {1: "itu709", 6: "itu601", 9: "bt2020"}
"""Matrix of H.273 -> its name in swscale."""


@dataclass
class Encoding:
    """How a file is written."""

    format: str = "mp4"
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "12"})
    matrix: int = 6
    """Of the pixels, by the numbers of H.273."""
    range: int = 1
    """Of the pixels; 2: full."""
    tags: dict[str, int] = field(default_factory=dict)
    """Attributes of the encoder, such as `color_trc`."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Of the stream."""


def decoded_here(video: Video, longer_px: int = 1000, most: int = 100) -> DecodedVideo:
    """As `core.media.video.decoded`, without a process of its own. Raises Refused."""
    output = _output_of(lambda: video_decoder.write(io.BytesIO(video.content), longer_px, most))
    return core_video._decoded_video(output, "this video")


def facts_here(video: Video) -> VideoFacts:
    """As `core.media.video.facts_of`, without a process of its own. Raises Refused."""
    return core_video._facts(_output_of(lambda: video_decoder.probe(io.BytesIO(video.content))), "this video")


def _output_of(decode: Callable[[], None]) -> Any:
    """What the decoder writes, in place of its process."""
    output = io.TextIOWrapper(io.BytesIO())
    with redirect_stdout(output):
        decode()
    content = output.detach()
    content.seek(0)
    return SimpleNamespace(stdout=content)


def written(
    frames: Sequence[Pixels], times: Sequence[int], tick: Fraction, encoding: Encoding | None = None, last: int = 0
) -> Video:
    """A file of frames that begin at these times; `last`: duration of the last one, if it is told at all."""
    how = encoding or Encoding()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=how.format) as video:
        stream: Any = video.add_stream(how.codec, rate=Fraction(25), options=how.options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.metadata.update(how.metadata)
        context = stream.codec_context
        context.time_base = tick
        if last:
            context.flags |= int(Flags.frame_duration)
        for name, value in how.tags.items():
            setattr(context, name, value)
        for number, (pixels, begin) in enumerate(zip(frames, times, strict=True)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=SWS[how.matrix], dst_color_range=how.range
            )
            frame.pts, frame.time_base = begin, tick
            frame.duration = times[number + 1] - begin if number + 1 < len(times) else last
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    return Video(buffer.getvalue())


def timed(times: Sequence[int], tick: Fraction, encoding: Encoding | None = None, last: int = 0) -> Video:
    """A pan whose frames begin at these times."""
    return written(pan(len(times)), times, tick, encoding, last)


def one_color(height: int, matrix: int, range_: int = 1, color: tuple[int, int, int] = RED, **tags: int) -> Video:
    """Three frames of one color, `height` rows high."""
    pixels = np.full((height, 2 * (height // 3), 3), color, np.uint8)
    return written([pixels] * 3, [0, 1, 2], Fraction(1, 10), Encoding(matrix=matrix, range=range_, tags=tags))


def tagged(matrix: int, range_: int = 1) -> dict[str, int]:
    """The tags of a video in the colors of this matrix."""
    transfer = 14 if matrix == 9 else matrix
    return {"colorspace": matrix, "color_range": range_, "color_primaries": matrix, "color_trc": transfer}


def a_gif(delays_cs: Sequence[int], side: int = 32) -> Video:
    """A GIF of gray frames, darkest first, with these delays, written byte for byte by Pillow and us."""
    pictures = [
        PillowImage.fromarray(np.full((side, side, 3), level, np.uint8)).quantize(4)
        for level in np.linspace(10, 240, len(delays_cs)).astype(int)
    ]
    buffer = io.BytesIO()
    first, *rest = pictures
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=[990] * len(delays_cs), disposal=1)
    content = buffer.getvalue()
    marker, pieces = b"\x21\xf9\x04", content.split(b"\x21\xf9\x04")
    if len(pieces) != len(delays_cs) + 1:
        raise ValueError("a frame without a graphic control extension")
    patched = [
        piece[:1] + delay.to_bytes(2, "little") + piece[3:] for piece, delay in zip(pieces[1:], delays_cs, strict=True)
    ]
    return Video(marker.join([pieces[0], *patched]))
