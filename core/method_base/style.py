"""What the methods that transfer styles have in common: parameters, and pictures as they take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from PIL import Image as PillowImage
from pydantic import AfterValidator, BeforeValidator

from core import engine
from core.items import Item, Scalar, Table
from core.media.drawn_styles import STYLES
from core.method_base.judges import DEFAULT_JUDGE, Judge
from core.method_base.method import REGION, Context, Output, parameter
from core.method_base.style_encoder import automatic_style_layers, reading
from core.networks.layers import depths

if TYPE_CHECKING:
    from torch import Tensor, device

    from core.engine.optimization.octaves import Size
    from core.engine.style.stylization import Aims, Region
    from core.items import Pixels
    from core.media.picture import Picture
    from core.networks.network import Network

DEFAULT_STYLE = STYLES["mosaic"].digest
MAX_STYLES, MAX_NUMBERS = 8, 12
MEASURED = (
    Output("content_distance", "scalar", "Content as the judge sees it: 0 is the photo's"),
    Output("style_distance", "scalar", "Style as the judge sees it: 1 is the photo's, 0 the wanted one"),
    Output("ssim", "scalar", "Structural similarity of the brightness with the photo's"),
    Output("edges_kept", "scalar", "Edges in the photo's places and directions: 1 all, 0.1 as many as by chance"),
)
"""What is told of a finished picture, as `measured` gives it."""
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


def check_one_for_each(name: str, weights: str, what: str, count: int) -> None:
    """Raises ValueError, with a sentence, where there are weights, but not one for each."""
    if (given := numbers(weights)) and len(given) != count:
        raise ValueError(f"{name} must give a weight for each of {what}: {count}, got {len(given)}")


def styles_parameter() -> Any:
    """`styles`."""
    return parameter((DEFAULT_STYLE,), "Pictures whose style is taken over; several are mixed.", choices="pictures")


def style_weights_parameter() -> Any:
    """`mix`."""
    return parameter(
        "", "Weights of the styles in their order, with commas between; left empty: all alike.", advanced=True
    )


def mask_parameter() -> Any:
    """`mask`."""
    description = (
        "Where it is white, the first style is taken; where it is black, the others, or, where there is one only, the "
        "picture's own."
    )
    return parameter("", description, choices="pictures", of=REGION)


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


def measured(stylized: Tensor, photo: Tensor, regions: Sequence[Region], judge: Network) -> dict[str, Item]:
    """How far a finished picture (1, 3, H, W) is from its photo and from the styles, as `judge` sees it."""
    style_layers = automatic_style_layers(judge, photo)
    aims = engine.style.stylization.aims(reading(judge, style_layers), photo, regions, style_layers, size_of(photo))
    content, style = aims.distances(stylized)
    return {
        "content_distance": Scalar(value=float(content), subject=judge.card.name),
        "style_distance": Scalar(value=float(style), subject=judge.card.name),
        "ssim": Scalar(value=float(engine.style.similarity.ssim(stylized, photo))),
        "edges_kept": Scalar(value=float(engine.style.similarity.edges_shared(stylized, photo))),
    }


def layers_table(network: Network, aims: Aims, picture: Tensor) -> Table:
    """The layers that were compared, and how far each came."""
    depth = depths(network.layers())
    content, styles = aims.by_layer(picture)
    rows = [(aims.content_layer, "content", depth[aims.content_layer], aims.content.shape[1], float(content))]
    rows += [(aim.layer, "style", depth[aim.layer], len(aim.wanted), float(left)) for aim, left in styles.items()]
    columns = ("layer", "stands for", "depth (%)", "channels", "distance left")
    return Table(columns=columns, rows=tuple((*row[:4], round(row[4], 4)) for row in rows))


def captioned(items: Mapping[str, Item], outputs: Sequence[Output]) -> dict[str, Item]:
    """The items in the order in which a method declares them, with what it says of each."""
    return {output.name: replace(items[output.name], caption=output.caption) for output in outputs}


def regions_of(
    context: Context, styles: Sequence[tuple[str, float]], mask: str, photo: Tensor, styles_px: float
) -> list[Region]:
    """All of a photo (1, 3, H, W) with all styles, or what is white in the mask and what is black, each with its own.

    `styles`: digests and shares, together 1; `styles_px`: the longer side at which they are taken over. Raises BadInput
    where a picture is not there.
    """
    make = engine.style.stylization.Region
    weighted = [(sized(context.picture(digest), styles_px, photo.device), share) for digest, share in styles]
    if not mask:
        return [make(weighted)]
    drawn = sized(context.picture(mask), max(size_of(photo)), photo.device)
    white = engine.style.luminance.luminance(engine.ranges.resized(drawn, size_of(photo)))  # (1, 1, H, W)
    return [make([(weighted[0][0], 1.0)], white), make(engine.style.stylization.shared(weighted[1:]), 1 - white)]


def pictures_of(regions: Sequence[Region]) -> Pixels:
    """The regions' styles in a row, (H, W, 3)."""
    return side_by_side([style for region in regions for style, _ in region.styles])


def size_of(picture: Tensor) -> Size:
    """(height, width) of (N, C, H, W)."""
    return picture.shape[2], picture.shape[3]


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
    height, width = engine.style.stylization.shrunk((picture.height, picture.width), scale)
    scaled = PillowImage.fromarray(picture.pixels).resize((width, height), PillowImage.Resampling.LANCZOS)
    return engine.ranges.of_pixels(np.array(scaled)).to(where)
