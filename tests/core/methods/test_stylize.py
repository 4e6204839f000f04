from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.engine.ranges import from_pixels
from core.errors import BadInput, BadParameter
from core.items import Image, Pixels, Result
from core.learning.fast_style.judging import measures, styles_of
from core.learning.fast_style.painter import Design, build, paint
from core.learning.fast_style.stored import as_weights
from core.media.drawn_styles import STYLES
from core.media.picture import Picture
from core.method_base.method import Context
from core.methods import make_method
from tests.support.contexts import StoredContext

KEY = "a" * 64
JUDGE = "random/test_resnet"
DESIGN = Design(4, (STYLES["waves"].digest, STYLES["mosaic"].digest), (0.25, 0.75), 48)
PAINTER = build(DESIGN, seed=3).eval()


def holding_the_painter() -> Context:
    return StoredContext({KEY: {"network": as_weights(PAINTER)}})


def run(pixels: Pixels, context: Context | None = None, **parameters: Any) -> Result:
    method = make_method("stylize", {"model": KEY, "judge": JUDGE} | parameters)
    return method.run_without_network([Picture.from_pixels(pixels)], context or holding_the_painter())


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def pixels_of(result: Result, name: str = "stylized") -> Pixels:
    item = result.items[name]
    assert isinstance(item, Image)
    return item.pixels


@pytest.mark.parametrize(
    ("given", "size_px", "stylized_size"),
    [
        ((61, 46), None, (61, 46)),
        ((80, 40), 64, (64, 32)),
        ((40, 80), 120, (60, 120)),
        ((16, 64), None, (32, 128)),
        ((1540, 64), None, (1536, 64)),
    ],
)
def test_a_picture_keeps_its_size_by_default_within_limits(
    given: tuple[int, int], size_px: int | None, stylized_size: tuple[int, int]
) -> None:
    result = run(noise(*given), size_px=size_px, evaluate=False)
    assert pixels_of(result).shape == pixels_of(result, "original").shape == (*stylized_size, 3)
    if given == stylized_size:
        assert np.array_equal(pixels_of(result, "original"), noise(*given))


def test_the_result_is_the_output_of_the_painter() -> None:
    expected = paint(PAINTER, from_pixels(noise(48, 52)))
    context = holding_the_painter()
    stylized = from_pixels(pixels_of(run(noise(48, 52), context, evaluate=False)))
    assert float((stylized - expected).abs().max()) <= 0.51 / 255
    assert context.noted["pass_ms"] > 0


def test_the_judge_measures_the_rounded_result() -> None:
    result = run(noise(48, 52))
    pictures = (from_pixels(pixels_of(result)), from_pixels(noise(48, 52)))
    items = measures(holding_the_painter().network(JUDGE), *pictures, styles_of(DESIGN, holding_the_painter(), "cpu"))
    assert result.metrics == pytest.approx(Result(items).metrics)
    assert list(result.metrics) == ["content_distance", "style_distance", "ssim", "edges_kept"]


def test_an_unchanged_picture_has_content_0_style_1_and_ssim_1() -> None:
    photo = from_pixels(noise(48, 52))
    items = measures(
        holding_the_painter().network(JUDGE), photo, photo, styles_of(DESIGN, holding_the_painter(), "cpu")
    )
    expected = {"content_distance": 0, "style_distance": 1, "ssim": 1, "edges_kept": 1}
    assert Result(items).metrics == pytest.approx(expected, abs=1e-4)


def test_measures_of_several_pictures_are_means() -> None:
    styles, judge = styles_of(DESIGN, holding_the_painter(), "cpu"), holding_the_painter().network(JUDGE)
    photos = torch.rand(2, 3, 48, 52, generator=torch.Generator().manual_seed(0))
    stylized = paint(PAINTER, photos)
    both, *each = (
        Result(measures(judge, stylized[part], photos[part], styles)).metrics
        for part in (slice(0, 2), slice(0, 1), slice(1, 2))
    )
    assert both == pytest.approx({name: (each[0][name] + each[1][name]) / 2 for name in both})


def test_without_evaluation_there_are_no_measures() -> None:
    assert list(run(noise(40, 40), evaluate=False).items) == ["stylized", "original"]


def test_a_style_model_is_required() -> None:
    with pytest.raises(BadParameter, match="model must be the key of a trained style model, got none"):
        run(noise(40, 40), model="")
    with pytest.raises(BadInput, match="there is no result bbbbbbbbbbbb here"):
        run(noise(40, 40), model="b" * 64)
