"""What the methods that transfer styles have in common: parameters, and pictures as they take them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from PIL import Image as PillowImage
from pydantic import AfterValidator, BeforeValidator

from core import engine
from core.drawn_styles import STYLES
from core.judges import DEFAULT_JUDGE, Judge
from core.method import Context, parameter

if TYPE_CHECKING:
    from torch import Tensor, device

    from core.items import Pixels
    from core.networks.network import Network
    from core.picture import Picture

DEFAULT_STYLE = STYLES["mosaic"].digest
MAX_STYLES, MAX_NUMBERS = 8, 12
GAP_PX = 4
"""Between pictures that are shown in a row."""


def _digest(value: str) -> str:
    if value and (len(value) != 64 or not set(value) <= set("0123456789abcdef")):
        raise ValueError(f"a picture is named by its digest, 64 hex digits, got {value[:80]!r}")
    return value


def _digests(value: Any) -> tuple[str, ...]:
    """Digests, or a text with commas between; ValueError with a sentence."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("pictures are named by their digests")
    digests = tuple(_digest(part.strip()) for part in parts if part.strip())
    if not 1 <= len(digests) <= MAX_STYLES:
        raise ValueError(f"1 to {MAX_STYLES} pictures, got {len(digests)}")
    return digests


def _numbers(value: Any, low: float, high: float) -> str:
    """Numbers with commas between, written in one way; ValueError with a sentence."""
    allowed = f"at most {MAX_NUMBERS} numbers from {low:g} to {high:g} with commas between, got {str(value)[:60]!r}"
    try:
        found = numbers(str(value))
    except ValueError:
        raise ValueError(allowed) from None
    if len(found) > MAX_NUMBERS or not all(low <= number <= high for number in found):
        raise ValueError(allowed)
    return ", ".join(f"{number:g}" for number in found)


Styles = Annotated[tuple[str, ...], BeforeValidator(_digests)]
Mask = Annotated[str, AfterValidator(_digest)]
Depths = Annotated[str, BeforeValidator(partial(_numbers, low=1, high=100))]
Shares = Annotated[str, BeforeValidator(partial(_numbers, low=0.001, high=1000))]


def numbers(text: str) -> list[float]:
    """The numbers of `Depths` or `Shares`. Raises ValueError."""
    return [float(part) for part in text.split(",") if part.strip()]


def shares_of(text: str, count: int) -> list[float]:
    """`count` shares that are together 1; alike where the text names none."""
    given = numbers(text) or [1.0] * count
    return [share / sum(given) for share in given]


def styles_parameter() -> Any:
    """`styles`."""
    return parameter((DEFAULT_STYLE,), "Pictures whose style is taken over; several are mixed.", choices="pictures")


def size_parameter() -> Any:
    """`size_px`."""
    return parameter(224, "Longer side of the picture.", unit="px", ge=32, le=1024)


def judge_parameter() -> Any:
    """`judge`."""
    description = "Network that measures all finished pictures, so that encoders are compared by one eye."
    return parameter((DEFAULT_JUDGE,), description, choices="networks", advanced=True)


def judging(judge: Judge, own: Network, context: Context) -> Network:
    """The judge, loaded. Raises NetworkUnavailable."""
    return own if judge[0] == own.card.identity else context.network(judge[0])


def side_by_side(pictures: Sequence[Tensor]) -> Pixels:
    """Pictures (1, 3, h, w) of any sizes in a row, white below the lower ones: (H, W, 3)."""
    height = max(picture.shape[2] for picture in pictures)
    width = sum(picture.shape[3] + GAP_PX for picture in pictures) - GAP_PX
    row = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for picture in pictures:
        row[: picture.shape[2], left : left + picture.shape[3]] = engine.ranges.to_pixels(picture)
        left += picture.shape[3] + GAP_PX
    return row


def sized(picture: Picture, size_px: float, where: device) -> Tensor:
    """The whole picture with its longer side at `size_px`, (1, 3, H, W) in [0, 1]."""
    scale = size_px / max(picture.width, picture.height)
    height, width = engine.stylization.shrunk((picture.height, picture.width), scale)
    scaled = PillowImage.fromarray(picture.pixels).resize((width, height), PillowImage.Resampling.LANCZOS)
    return engine.ranges.of_pixels(np.array(scaled)).to(where)
