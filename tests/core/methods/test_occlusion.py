from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.engine.attribution.baselines import baseline
from core.media.picture import Picture
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.network import Network
from tests.core.methods.attributions import FAMILIES, loaded, made, noise, photos, rectified
from tests.core.methods.conftest import PIXELS, rows


def looped(network: Network, picture: Tensor, number: int, side: int, starts: list[int], cover: Tensor) -> Tensor:
    """Map (H, W) of one window after another: each pixel is the mean over its windows."""
    drops, counts = torch.zeros(2, *picture.shape[1:])
    for top in starts:
        for left in starts:
            covered = picture.clone()
            covered[:, top : top + side, left : left + side] = cover[:, top : top + side, left : left + side]
            drop = network(picture[None])[0, number] - network(covered[None])[0, number]
            drops[top : top + side, left : left + side] += drop
            counts[top : top + side, left : left + side] += 1
    return drops / counts


def maps(network: Network, pictures: Tensor, **parameters: object) -> Tensor:
    method = made("occlusion", **parameters)
    values: Tensor = method.maps(network, pictures, method.score(network, pictures).target, lambda *_: None)
    return values


@pytest.mark.parametrize("cover", ["black", "gray", "blurred"])
def test_it_equals_a_loop_over_the_windows(cover: str) -> None:
    network, pictures = rectified(), noise(2)
    values = maps(network, pictures, class_name="dog", window=40, stride=25, baseline=cover)
    covers = baseline(pictures, cover)  # type: ignore[arg-type]
    for row in range(2):
        expected = looped(network, pictures[row], 1, 5, [0, 2, 5, 7], covers[row])
        torch.testing.assert_close(values[row], expected, rtol=1e-4, atol=1e-5)


def test_for_a_linear_network_it_is_the_contribution_of_each_pixel(linear: Network, picture: Picture) -> None:
    pixels = linear.prepare(picture)
    values = maps(linear, pixels[None], class_name="dog", window=1, stride=1, baseline="black")  # a pixel of 12
    expected = (rows()[1].view(3, PIXELS, PIXELS) * pixels).sum(dim=0)
    torch.testing.assert_close(values[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (160, 160), (224, 160), (7, 31)])
@pytest.mark.parametrize(("window", "stride"), [(20, 10), (15, 90), (1, 1), (90, 7)])
def test_every_pixel_is_covered_and_no_window_leaves_the_picture(
    height: int, width: int, window: int, stride: int
) -> None:
    counts = torch.zeros(height, width)
    for top, left, down, across in made("occlusion", window=window, stride=stride).windows(height, width):
        assert 0 <= top <= height - down
        assert 0 <= left <= width - across
        counts[top : top + down, left : left + across] += 1
    assert counts.amin() >= 1


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_a_batch_equals_single_pictures_in_every_family(name: str) -> None:
    network = loaded(name)
    pictures, coarse = photos(network, 2), {"window": 50, "stride": 50}
    together = maps(network, pictures, **coarse)
    apart = torch.cat([maps(network, pictures[row : row + 1], **coarse) for row in range(2)])
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-4 * float(apart.abs().amax()))


def test_windows_are_evenly_spaced() -> None:
    tops = sorted({window[0] for window in made("occlusion").windows(224, 224)})
    assert tops == [0, 22, 45, 67, 90, 112, 134, 157, 179]


def test_windows_are_counted() -> None:
    network = loaded("random/test_resnet")
    result = made("occlusion", window=50, stride=50, target="channel").run([sample("cat")], network, Context())
    assert result.metrics["windows"] == 4
    assert result.items["attribution"].signed  # type: ignore[attr-defined]
