"""A picture that is made from a picture has its shape, to within the rounding to whole pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.errors import BadInput
from core.items import Animation, Image, Result
from core.learning.fast_style.painter import Design, build
from core.learning.fast_style.stored import as_weights
from core.media.drawn_styles import STYLES
from core.media.picture import Picture
from core.method_base.style import size_of, sized
from core.methods import make_method
from core.networks.network import Network
from tests.support.contexts import StoredContext

KEY = "a" * 64
SIZES = [(40, 400), (400, 40), (33, 1000), (64, 211), (300, 300)]
"""(height, width) of pictures"""


def noise(height: int, width: int) -> Picture:
    return Picture.from_pixels(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def has_shape(made: tuple[int, ...], of: tuple[int, int]) -> bool:
    """Whether (height, width, ...) is `of`, scaled by one factor and rounded."""
    scale = max(made[:2]) / max(of)
    return all(abs(side - scale * whole) <= 0.5 + 1e-9 for side, whole in zip(made, of, strict=False))


def run(name: str, network: Network, picture: Picture, **parameters: Any) -> Result:
    model = as_weights(build(Design(4, (STYLES["mosaic"].digest,), (1.0,), 64), 0))
    context = StoredContext({KEY: {"network": model}})
    method = make_method(name, {"size_px": 64, "judge": "random/test_resnet", **parameters})
    if not method.needs.network:
        return method.run_without_network([picture], context)
    return method.run([picture], network, context)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("style_transfer", {"steps": 2, "frames": 2}),
        ("photo_style", {"steps": 2, "frames": 2, "working_px": 32}),
        ("stylize", {"model": KEY}),
    ],
)
def test_a_stylized_picture_has_the_shape_of_the_photo(
    turning: Network, name: str, parameters: dict[str, Any], size: tuple[int, int]
) -> None:
    items = run(name, turning, noise(*size), **parameters).items
    for name_of_item in ("stylized", "original"):
        item = items[name_of_item]
        assert isinstance(item, Image)
        assert has_shape(item.pixels.shape, size), item.pixels.shape
        assert min(item.pixels.shape[:2]) >= 32
    animation = items.get("animation")
    if animation is not None:
        assert isinstance(animation, Animation)
        assert has_shape(animation.frames.shape[1:], size), animation.frames.shape


def test_a_picture_of_400_x_40_is_320_x_32() -> None:
    """The side that networks need is reached by enlarging both."""
    assert size_of(sized(noise(40, 400), 224, "cpu")) == (32, 320)  # type: ignore[arg-type]
    assert size_of(sized(noise(400, 40), 1024, "cpu")) == (1024, 102)  # type: ignore[arg-type]


def test_a_picture_too_narrow_for_a_network_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"must be at most 32 times the shorter one, got 400 x 4 px$"):
        sized(noise(4, 400), 224, "cpu")  # type: ignore[arg-type]
