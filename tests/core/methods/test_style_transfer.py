from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from core.engine.optimization import optimize
from core.engine.ranges import from_pixels
from core.engine.style.luminance import luminance
from core.errors import BadInput
from core.items import Animation, Image, Pixels, Result, Series, Table
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Checkpoint, Context
from core.methods import make_method
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from tests.support.contexts import MemoryCheckpoint, StoredContext

LITE0 = "lite/efficientnet_lite0"
JUDGE = "random/test_resnet"
SIDE = 48


def flat(*color: int) -> Picture:
    return Picture.from_pixels(np.full((SIDE, SIDE, 3), color, np.uint8))


def noisy(seed: int, low: int = 0, high: int = 256) -> Picture:
    return Picture.from_pixels(np.random.default_rng(seed).integers(low, high, (SIDE, SIDE, 3), dtype=np.uint8))


def run(network: Network, content: Picture, *styles: Picture, mask: Picture | None = None, **parameters: Any) -> Result:
    """A small run."""
    style_parameters = {"styles": [style.digest for style in styles]} if styles else {}
    mask_parameters = {"mask": mask.digest} if mask else {}
    small = {"size_px": SIDE, "judge": JUDGE, "frames": 2, "total_variation": 0.0}
    method = make_method("style_transfer", small | style_parameters | mask_parameters | parameters)
    return method.run([content], network, StoredContext(pictures=[*styles, *([mask] if mask else [])]))


def pixels(result: Result, name: str = "stylized") -> Pixels:
    item = result.items[name]
    assert isinstance(item, Image)
    return item.pixels


def last(result: Result, name: str) -> float:
    item = result.items[f"trace_{name}"]
    assert isinstance(item, Series)
    return float(item.y[-1])


@pytest.mark.parametrize("parameterization", ["fourier", "pixels"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_without_content_the_result_has_the_gram_matrix_of_the_style(
    turning: Network, optimizer: str, parameterization: str
) -> None:
    """The layer rotates colors, so that its Gram matrix is equivalent to that of the pixels."""
    style = noisy(1, 100, 250)
    learning_rate = 0.3 if parameterization == "fourier" else 0.02
    result = run(
        turning,
        noisy(0, 0, 120),
        style,
        content_weight=0.0,
        optimizer=optimizer,
        parameterization=parameterization,
        learning_rate=learning_rate,
        steps=150,
    )
    assert last(result, "style") < 0.005
    gram, expected = (
        (each.reshape(-1, 3) / 255.0).T @ (each.reshape(-1, 3) / 255.0) / SIDE**2
        for each in (pixels(result), style.pixels)
    )
    assert gram == pytest.approx(expected, abs=0.04)


def test_without_style_the_photo_is_unchanged(turning: Network) -> None:
    photo = noisy(0, 20, 235)
    result = run(turning, photo, noisy(1), style_weight=0.0, start="photo", steps=20)
    assert np.abs(pixels(result).astype(int) - photo.pixels).max() <= 1
    assert last(result, "style") == pytest.approx(1, abs=1e-3)


def test_from_noise_the_content_restores_the_photo(turning: Network) -> None:
    photo = noisy(0, 20, 235)
    result = run(turning, photo, noisy(1), style_weight=0.0, start="noise", steps=200)
    assert last(result, "content") < 0.05
    assert np.abs(pixels(result).astype(int) - photo.pixels).mean() < 12


def test_the_photo_has_content_distance_0_and_style_distance_1(turning: Network) -> None:
    result = run(turning, noisy(0, 20, 235), noisy(1, 100, 250), steps=5)
    curves = {name: result.items[f"trace_{name}"] for name in ("content", "style", "total")}
    assert all(isinstance(curve, Series) for curve in curves.values())
    starts = {name: float(curve.y[0]) for name, curve in curves.items() if isinstance(curve, Series)}
    assert starts == pytest.approx({"content": 0, "style": 1, "total": 10}, abs=1e-3)
    assert last(result, "total") < starts["total"]


def half(white: slice) -> Picture:
    mask = np.zeros((SIDE, SIDE, 3), np.uint8)
    mask[:, white] = 255
    return Picture.from_pixels(mask)


def test_the_mask_gets_the_first_style_and_the_rest_the_second(turning: Network) -> None:
    photo, red, blue = noisy(0, 100, 156), flat(230, 40, 40), flat(40, 40, 230)
    result = run(turning, photo, red, blue, mask=half(slice(0, SIDE // 2)), content_weight=0.0, steps=150)
    stylized = pixels(result).astype(float)
    left, right = stylized[:, : SIDE // 2].mean(axis=(0, 1)), stylized[:, SIDE // 2 :].mean(axis=(0, 1))
    assert left == pytest.approx([230, 40, 40], abs=25)
    assert right == pytest.approx([40, 40, 230], abs=25)


def test_outside_the_mask_of_a_single_style_the_photo_is_kept(turning: Network) -> None:
    photo, red = noisy(0, 100, 156), flat(230, 40, 40)
    result = run(turning, photo, red, mask=half(slice(0, SIDE // 2)), steps=100)
    apart = np.abs(pixels(result).astype(int) - photo.pixels).mean(axis=(0, 2))
    assert apart[: SIDE // 2 - 2].mean() > 10
    assert apart[SIDE // 2 + 2 :].mean() < 3


def test_mixed_styles_give_a_result_between_them(turning: Network) -> None:
    photo, dark, bright = noisy(0, 100, 156), flat(20, 20, 20), flat(235, 235, 235)
    means = [
        pixels(run(turning, photo, dark, bright, style_weights=weights, content_weight=0.0, steps=60)).mean()
        for weights in ("1, 0.001", "1, 1", "0.001, 1")
    ]
    assert means[0] + 30 < means[1] < means[2] - 30


def test_original_colors_are_kept_and_luminance_changes(turning: Network) -> None:
    photo = noisy(0, 100, 156)
    result = run(turning, photo, noisy(1), original_colors=True, content_weight=0.0, steps=30)
    before, after = from_pixels(photo.pixels.copy()), from_pixels(pixels(result).copy())
    tints = [each - luminance(each) for each in (before, after)]
    torch.testing.assert_close(tints[1], tints[0], atol=2.5 / 255, rtol=0)
    animation = result.items["animation"]
    assert isinstance(animation, Animation)
    assert (animation.frames[-1] == pixels(result)).all()


def test_a_trained_network_matches_the_style_and_keeps_the_content() -> None:
    network = load(get_card(LITE0))
    cat = sample("cat")
    for parameters in ({}, {"smoothing": "softmax"}, {"octaves": 3}):
        result = run(network, cat, size_px=96, steps=30, judge=LITE0, **parameters)
        metrics = result.metrics
        assert last(result, "style") < 0.5
        assert metrics["style_distance"] < 1
        assert metrics["ssim"] > 0.05
        assert 0 < metrics["content_distance"] < 2


def test_all_encoders_have_the_same_judge(turning: Network) -> None:
    """Without a change, the judge measures the photo, whatever the encoder."""
    unchanged: dict[str, Any] = {"style_weight": 0.0, "steps": 1, "parameterization": "pixels"}
    other = load(get_card("random/test_vit"))
    judged = [run(network, sample("cat"), **unchanged).metrics for network in (turning, other)]
    for metrics in judged:
        assert metrics["content_distance"] == pytest.approx(0, abs=1e-6)
        assert metrics["style_distance"] == pytest.approx(1, abs=1e-4)
        assert metrics["ssim"] == pytest.approx(1, abs=1e-4)
    judge = load(get_card(JUDGE))
    own = run(judge, sample("cat"), steps=3)  # its own judge: the measures are the last values of the curves
    assert own.metrics["style_distance"] == pytest.approx(last(own, "style"), rel=1e-3)
    assert own.metrics["content_distance"] == pytest.approx(last(own, "content"), rel=1e-3)


def test_the_table_lists_each_layer_with_its_depth_and_distance(turning: Network) -> None:
    network = load(get_card(LITE0))
    table = run(
        network, sample("cat"), size_px=64, steps=2, layers="depths", style_depths="10, 50", content_depth=50
    ).items["layers"]
    assert isinstance(table, Table)
    assert [row[:4] for row in table.rows] == [
        ("blocks.3.2", "content", 50, 80), ("blocks.1.0", "style", 12, 24), ("blocks.3.2", "style", 50, 80),
    ]  # fmt: skip
    assert run(turning, noisy(0), steps=1).items["layers"].kind == "table"


def test_the_result_has_the_shape_of_the_photo_and_styles_have_their_scale(turning: Network) -> None:
    wide = Picture.from_pixels(np.repeat(noisy(0).pixels, 2, axis=1))
    result = run(turning, wide, noisy(1), noisy(2), style_scale=0.75, steps=1, size_px=64)
    assert [pixels(result, name).shape for name in ("stylized", "original", "styles")] == [
        (32, 64, 3), (32, 64, 3), (48, 48 + 4 + 48, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("parameters", [{}, {"optimizer": "adam"}, {"octaves": 2}], ids=str)
def test_an_interrupted_run_continues_to_the_same_bytes(
    turning: Network, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "CHECKPOINT_EVERY_S", 0)
    style = noisy(1)
    small = {"size_px": SIDE, "judge": JUDGE, "frames": 3, "steps": 9, "styles": style.digest, "start": "noise"}
    method = make_method("style_transfer", small | parameters)

    def killed(step: int, *_: Any) -> None:
        if step == 6:
            raise KeyboardInterrupt

    def given(report: Callable[..., None] | None, checkpoint: Checkpoint) -> Context:
        context = StoredContext(pictures=[style], seed=4)
        context.checkpoint = checkpoint
        if report:
            context.report = report  # type: ignore[method-assign]
        return context

    checkpoint = MemoryCheckpoint()
    with pytest.raises(KeyboardInterrupt):
        method.run([noisy(0)], turning, given(killed, checkpoint))
    again = method.run([noisy(0)], turning, given(None, checkpoint)).items
    whole = method.run([noisy(0)], turning, given(None, Checkpoint())).items
    assert {name: item.files() for name, item in again.items()} == {name: item.files() for name, item in whole.items()}


def test_a_missing_style_is_refused_in_a_sentence(turning: Network) -> None:
    method = make_method("style_transfer", {"styles": "0" * 64, "size_px": SIDE})
    with pytest.raises(BadInput, match=r"^there is no picture 000000000000…: upload it again$"):
        method.run([noisy(0)], turning, StoredContext())
