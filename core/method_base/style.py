"""Methods that transfer styles: their parameters, their pictures as tensors, and the measures of their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from PIL import Image as PillowImage
from pydantic import AfterValidator, BeforeValidator, model_validator

from core import engine
from core.errors import BadInput
from core.items import Item, Scalar, Table
from core.media.drawn_styles import STYLES
from core.method_base.judges import DEFAULT_JUDGE, Judge
from core.method_base.method import REGION, Context, Method, Output, parameter
from core.method_base.style_encoder import automatic_style_layers, encoder_of
from core.networks.layers import depths

if TYPE_CHECKING:
    from torch import Tensor, device

    from core.engine.optimization.octaves import Size
    from core.engine.style.stylization import Region, StyleLayers, TransferTargets
    from core.items import Pixels
    from core.media.picture import Picture
    from core.networks.network import Network

DEFAULT_STYLE = STYLES["mosaic"].digest
MAX_STYLES, MAX_NUMBERS = 8, 12
STYLE_MEASURES = (
    Output("content_distance", "scalar", "Content distance according to the judge; 0 is the photo"),
    Output("style_distance", "scalar", "Style distance according to the judge; 1 is the photo, 0 the target style"),
    Output("ssim", "scalar", "Structural similarity (SSIM) to the photo, in luminance"),
    Output("edges_kept", "scalar", "Agreement with the photo's edges in place and direction; 1 is equal, 0.1 chance"),
)
"""Outputs of `style_measures`."""
MAX_RATIO = 32
"""Ratio of the sides up to which a picture is used: its smallest size is then 1024 x 32 px."""
GAP_PX = 4
"""Gap between pictures in a row."""


def _digest(value: str) -> str:
    if value and (len(value) != 64 or not set(value) <= set("0123456789abcdef")):
        raise ValueError(f"a picture must be given by its digest, 64 hex digits, got {value[:80]!r}")
    return value


def _digests(value: Any) -> tuple[str, ...]:
    """A list of digests, or comma-separated digests, as a tuple. Raises ValueError."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("pictures must be given by their digests")
    digests = tuple(_digest(part.strip()) for part in parts if part.strip())
    if not 1 <= len(digests) <= MAX_STYLES:
        raise ValueError(f"there must be 1 to {MAX_STYLES} pictures, got {len(digests)}")
    return digests


def _numbers(value: Any, low: float, high: float) -> str:
    """Comma-separated numbers in canonical form. Raises ValueError."""
    expected = f"at most {MAX_NUMBERS} comma-separated numbers from {low:g} to {high:g}, got {str(value)[:60]!r}"
    try:
        parsed = numbers(str(value))
    except ValueError:
        raise ValueError(expected) from None
    if len(parsed) > MAX_NUMBERS or not all(low <= number <= high for number in parsed):
        raise ValueError(expected)
    return ", ".join(f"{number:g}" for number in parsed)


Styles = Annotated[tuple[str, ...], BeforeValidator(_digests)]
Mask = Annotated[str, AfterValidator(_digest)]
Depths = Annotated[str, BeforeValidator(partial(_numbers, low=1, high=100))]
Shares = Annotated[str, BeforeValidator(partial(_numbers, low=0.001, high=1000))]


def numbers(text: str) -> list[float]:
    """The numbers in a text such as `Depths` or `Shares`. Raises ValueError."""
    return [float(part) for part in text.split(",") if part.strip()]


def shares_of(text: str, count: int) -> list[float]:
    """The `count` weights in a text, normalized to sum 1; uniform where it is empty."""
    weights = numbers(text) or [1.0] * count
    return [weight / sum(weights) for weight in weights]


def check_weight_count(name: str, weights: str, items: str, count: int) -> None:
    """Raise ValueError where `weights` are given, but not one for each of `count` items."""
    if (given := numbers(weights)) and len(given) != count:
        raise ValueError(f"{name} must give one weight for each of {items}: {count}, got {len(given)}")


def mask_parameter() -> Any:
    """The parameter `mask`."""
    description = (
        "Mask, stretched over the picture: white takes the first style; black takes the other styles, or stays as it "
        "is where there is one style only. Default: the whole picture."
    )
    return parameter("", description, choices="pictures", of=REGION)


class StyleMethod(Method):
    """A method that transfers the style of one or several pictures."""

    shared: ClassVar[bool] = True
    leading: ClassVar[bool] = True

    styles: Styles = parameter(
        (DEFAULT_STYLE,), "Style images; several are mixed by their Gram matrices.", choices="pictures"
    )
    style_weights: Shares = parameter(
        "", "Comma-separated weights of the styles, in their order. Default: equal weights.", advanced=True
    )

    @model_validator(mode="after")
    def _styles_have_weights(self) -> Self:
        check_weight_count("style_weights", self.style_weights, "styles", len(self.styles))
        return self

    @property
    def style_shares(self) -> list[float]:
        """Weight of each style; the weights sum to 1."""
        return shares_of(self.style_weights, len(self.styles))


class ActivationSmoothing(Method):
    """A method that may smooth activations by a softmax before it compares them."""

    shared: ClassVar[bool] = True

    smoothing: Literal["none", "softmax"] = parameter(
        "none",
        "Activation smoothing: a softmax before activations are compared, so that a few strong ones, as in networks "
        "with residual connections, dominate less.",
    )
    temperature: float = parameter(
        0.5, "Temperature of the softmax, relative to the photo's maximum activation: higher smooths more.", unit="",
        ge=0.05, le=100, when={"smoothing": ["softmax"]}, advanced=True,
    )  # fmt: skip

    def smoothed(self, style_layers: StyleLayers) -> StyleLayers:
        """The layers with this smoothing."""
        return replace(style_layers, smoothing=self.temperature if self.smoothing == "softmax" else 0.0)


class JudgedStyle(Method):
    """A method whose results are measured by a judge, the same one for all networks."""

    shared: ClassVar[bool] = True

    judge: Judge = parameter(
        (DEFAULT_JUDGE,), "Judge: the network that measures all results, so that they are comparable.",
        choices="networks", advanced=True,
    )  # fmt: skip

    def loaded_judge(self, own: Network, context: Context) -> Network:
        """The judge, which may be the job's `own` network. Raises NetworkUnavailable."""
        return own if self.judge[0] == own.card.identity else context.network(self.judge[0])


def style_measures(stylized: Tensor, photo: Tensor, regions: Sequence[Region], judge: Network) -> dict[str, Item]:
    """Distances of a result (1, 3, H, W) to its photo and styles according to `judge`: items of `STYLE_MEASURES`.

    They are those of the result as it is stored.
    """
    stylized = engine.ranges.as_stored(stylized)
    style_layers = automatic_style_layers(judge, photo)
    encoder = encoder_of(judge, style_layers)
    targets = engine.style.stylization.transfer_targets(encoder, photo, regions, style_layers, size_of(photo))
    content, style = targets.distances(stylized)
    name, similarity = judge.card.name, engine.style.similarity
    plain = targets.photo_is_plain or similarity.is_plain(photo)
    return {
        "content_distance": _measure(content, "the photo is plain" if plain else "", name),
        "style_distance": _measure(style, "the photo has this style already" if targets.photo_has_style else "", name),
        "ssim": _measure(similarity.ssim(stylized, photo)),
        "edges_kept": _measure(
            similarity.edges_shared(stylized, photo), "" if similarity.has_edges(photo) else "the photo has no edges"
        ),
    }


def _measure(value: Tensor, problem: str = "", subject: str = "") -> Scalar:
    """The value, or no number for the reason `problem`."""
    return Scalar(value=None if problem else float(value), subject=subject, reason=problem)


def layers_table(network: Network, targets: TransferTargets, picture: Tensor) -> Table:
    """The compared layers, with the remaining distance of the result (1, 3, H, W) in each."""
    depth = depths(network.layers())
    content, styles = targets.by_layer(picture)
    rows = [(targets.content_layer, "content", depth[targets.content_layer], targets.content.shape[1], float(content))]
    rows += [
        (target.layer, "style", depth[target.layer], len(target.gram_target), float(distance))
        for target, distance in styles.items()
    ]
    columns = ("layer", "role", "depth (%)", "channels", "remaining distance")
    return Table(columns=columns, rows=tuple((*row[:4], round(row[4], 4)) for row in rows))


def regions_of(
    context: Context, styles: Sequence[tuple[str, float]], mask: str, photo: Tensor, styles_px: float
) -> list[Region]:
    """The regions of a photo (1, 3, H, W): all of it with all styles; with a mask, its white and its black part.

    Args:
        context: Gives the pictures.
        styles: (digest, weight) of each; the weights sum to 1.
        mask: Digest of a picture; '' for none. White gets the first style, black the others.
        photo: The content image.
        styles_px: Longer side of the style images.

    Raises:
        BadInput: A picture is missing, or too narrow.
    """
    region = engine.style.stylization.Region
    weighted = [(sized(context.picture(digest), styles_px, photo.device), share) for digest, share in styles]
    if not mask:
        return [region(weighted)]
    mask_picture = sized(context.picture(mask), max(size_of(photo)), photo.device)
    white = engine.style.luminance.luminance(engine.ranges.resized(mask_picture, size_of(photo)))  # (1, 1, H, W)
    others = engine.style.stylization.normalized_shares(weighted[1:])
    return [region([(weighted[0][0], 1.0)], white), region(others, 1 - white)]


def pictures_of(regions: Sequence[Region]) -> Pixels:
    """The style images of all regions in a row, (H, W, 3)."""
    return side_by_side([style for region in regions for style, _ in region.styles])


def size_of(picture: Tensor) -> Size:
    """(height, width) of (N, C, H, W)."""
    return picture.shape[2], picture.shape[3]


def side_by_side(pictures: Sequence[Tensor]) -> Pixels:
    """Pictures (1, 3, h, w) of any sizes in a row, aligned at the top, on white: (H, W, 3)."""
    height = max(picture.shape[2] for picture in pictures)
    width = sum(picture.shape[3] + GAP_PX for picture in pictures) - GAP_PX
    row = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for picture in pictures:
        row[: picture.shape[2], left : left + picture.shape[3]] = engine.ranges.to_pixels(picture)
        left += picture.shape[3] + GAP_PX
    return row


def sized(picture: Picture, size_px: float, where: device) -> Tensor:
    """The whole picture in its shape, resized to a longer side of `size_px`: (1, 3, H, W) in [0, 1].

    Larger where the shorter side would be too small for a network, see `MIN_SIDE_PX`. Raises BadInput where the picture
    is so narrow that this would take too much memory.
    """
    longer, shorter = max(picture.width, picture.height), min(picture.width, picture.height)
    if longer > MAX_RATIO * shorter:
        raise BadInput(
            f"a picture's longer side must be at most {MAX_RATIO} times the shorter one, got {picture.width} x "
            f"{picture.height} px"
        )
    scale = size_px / longer
    height, width = engine.style.stylization.scaled_size((picture.height, picture.width), scale)
    scaled = PillowImage.fromarray(picture.pixels).resize((width, height), PillowImage.Resampling.LANCZOS)
    return engine.ranges.from_pixels(np.array(scaled)).to(where)
