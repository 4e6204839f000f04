from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.engine.ranges import from_pixels
from core.engine.style.similarity import edges_shared
from core.errors import BadParameter
from core.items import Result, Series
from core.media.picture import Picture
from core.media.samples import sample
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.core.methods.test_style_transfer import JUDGE, LITE0, SIDE, flat, half, last, noisy, pixels
from tests.support.contexts import StoredContext


def run(
    network: Network, content: Picture, *styles: Picture, mask: Picture | None = None, name: str = "photo_style",
    **parameters: Any,
) -> Result:  # fmt: skip
    """A small run of the method of this name."""
    style_parameters = {"styles": [style.digest for style in styles]} if styles else {}
    mask_parameters = {"mask": mask.digest} if mask else {}
    small = {"size_px": SIDE, "judge": JUDGE, "frames": 2}
    method = make_method(name, small | style_parameters | mask_parameters | parameters)
    return method.run([content], network, StoredContext(pictures=[*styles, *([mask] if mask else [])]))


def room(side: int = 96) -> Picture:
    """A floor, a wall with a window of two panes and a door, with light that decreases to the right."""
    picture = np.full((side, side, 3), (0.75, 0.7, 0.6), np.float32)
    picture[70:] = (0.45, 0.3, 0.2)
    picture[16:48, 12:40] = (0.85, 0.92, 1.0)
    picture[16:48, 25:27] = (0.3, 0.25, 0.2)
    picture[28:70, 60:82] = (0.35, 0.2, 0.15)
    light = np.linspace(1, 0.6, side, dtype=np.float32)[None, :, None]
    return Picture.from_pixels((255 * picture * light).round().astype(np.uint8))


def test_without_style_the_photo_is_unchanged(turning: Network) -> None:
    photo = noisy(0, 20, 235)
    result = run(turning, photo, noisy(1), style_weight=0.0, steps=5)
    assert np.abs(pixels(result).astype(int) - photo.pixels).max() <= 1
    assert result.metrics["edges_kept"] == pytest.approx(1, abs=1e-3)


def test_the_photo_gets_the_color_of_the_style(turning: Network) -> None:
    """The layer rotates colors, so that its Gram matrix is equivalent to that of the pixels."""
    result = run(turning, noisy(0, 60, 120), flat(200, 90, 40), content_weight=0.0, steps=80)
    assert pixels(result).mean(axis=(0, 1)) == pytest.approx([200, 90, 40], abs=15)
    style = result.items["trace_style"]
    assert isinstance(style, Series)
    assert style.y[0] == pytest.approx(1, abs=1e-3)
    assert style.y[-1] < 0.1


def test_straight_edges_stay_in_place() -> None:
    photo = room()
    result = run(load(get_card(LITE0)), photo, size_px=96, steps=40, smoothness=1.0)
    assert last(result, "style") < 0.8
    assert np.abs(pixels(result).astype(int) - photo.pixels).mean() > 10
    for left, right, top, bottom in ((4, 20, 18, 46), (54, 66, 30, 68)):  # the window's left edge, and the door's
        region = pixels(result)[top:bottom, left:right].astype(float).sum(axis=2)
        steepest = np.abs(np.diff(region, axis=1)).argmax(axis=1)
        assert set(steepest + left) == {11 if left == 4 else 59}


def test_it_keeps_edges_that_style_transfer_does_not() -> None:
    network = load(get_card(LITE0))
    small: dict[str, Any] = {"size_px": 96, "steps": 30}
    kept, repainted = (run(network, sample("cat"), name=name, **small) for name in ("photo_style", "style_transfer"))
    assert kept.metrics["edges_kept"] > 0.9
    assert repainted.metrics["edges_kept"] < 0.7
    before, after = (from_pixels(each.copy()) for each in (pixels(kept, "original"), pixels(kept)))
    assert kept.metrics["edges_kept"] == pytest.approx(float(edges_shared(before, after)), abs=0.02)


def test_the_mask_gets_the_first_style_and_the_rest_the_second(turning: Network) -> None:
    red, blue = flat(200, 60, 60), flat(60, 60, 200)
    result = run(
        turning, noisy(0, 90, 166), red, blue, mask=half(slice(0, SIDE // 2)), content_weight=0.0, cell_px=4,
        smoothness=0.1, steps=80,
    )  # fmt: skip
    stylized = pixels(result).astype(float)
    left, right = stylized[:, : SIDE // 2 - 4].mean(axis=(0, 1)), stylized[:, SIDE // 2 + 4 :].mean(axis=(0, 1))
    assert left == pytest.approx([200, 60, 60], abs=30)
    assert right == pytest.approx([60, 60, 200], abs=30)


def test_transforms_of_the_working_size_apply_to_the_full_size(turning: Network) -> None:
    cat, style = sample("cat"), flat(180, 110, 60)
    small = run(turning, cat, style, size_px=64, working_px=64, cell_px=64, steps=20)
    large = run(turning, cat, style, size_px=192, working_px=64, cell_px=64, steps=20)
    assert [pixels(result).shape for result in (small, large)] == [(43, 64, 3), (128, 192, 3)]
    means = [pixels(result).mean(axis=(0, 1)) for result in (small, large)]
    assert means[1] == pytest.approx(means[0], abs=3)


def test_each_style_needs_a_weight_or_none_does() -> None:
    with pytest.raises(BadParameter, match=r"style_weights must give one weight for each of styles: 1, got 2"):
        make_method("photo_style", {"style_weights": "1, 2"})
