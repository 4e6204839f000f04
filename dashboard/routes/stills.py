"""Stills of animations: single frames, or a strip of a few frames."""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image as PillowImage

from core.errors import BadLink
from core.items import Pixels

MAX_STILLS = 8
"""Frames of a strip, at most."""
STRIP_GAP_PX = 8
QUALITY = 90


def animation_frames(webp: bytes) -> list[bytes]:
    """All frames, each as a WebP; decoding starts at the first, so one frame costs as much as all."""
    frames = []
    with PillowImage.open(io.BytesIO(webp), formats=("WEBP",)) as animation:
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            buffer = io.BytesIO()
            animation.convert("RGB").save(buffer, "WEBP", quality=QUALITY)
            frames.append(buffer.getvalue())
    return frames


def frame_number(text: str, count: int) -> int:
    """The frame number in an address, 0 to count - 1. Raises BadLink."""
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text) < count:
        raise BadLink(f"frame must be a whole number from 0 to {count - 1}, got {text[:40]!r}")
    return int(text)


def animation_strip(webp: bytes, side_px: int) -> Pixels:
    """Evenly spread frames from left to right, including the first and the last; never enlarged."""
    with PillowImage.open(io.BytesIO(webp), formats=("WEBP",)) as animation:
        last = getattr(animation, "n_frames", 1) - 1
        numbers = np.linspace(0, last, min(last + 1, MAX_STILLS)).round().astype(int)
        stills = [_still(animation, int(number), side_px) for number in numbers]
    width, height = stills[0].size
    strip = PillowImage.new("RGB", (len(stills) * (width + STRIP_GAP_PX) - STRIP_GAP_PX, height), "white")
    for place, still in enumerate(stills):
        strip.paste(still, (place * (width + STRIP_GAP_PX), 0))
    return np.asarray(strip)


def _still(animation: PillowImage.Image, number: int, side_px: int) -> PillowImage.Image:
    animation.seek(number)
    still = animation.convert("RGB")
    still.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    return still
