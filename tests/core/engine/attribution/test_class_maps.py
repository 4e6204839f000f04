from __future__ import annotations

import math

import pytest
import torch

from core.engine.attribution.class_maps import cam, grad_cam, pooling_of, upsampled


def made(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_grad_cam_by_hand() -> None:
    activation = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # (1, 2, 1, 2)
    gradient = torch.tensor([[[[1.0, 3.0]], [[-1.0, -1.0]]]])  # means 2 and -1
    assert grad_cam(activation, gradient).tolist() == [[[0.0, 5.0]]]


def test_cam_weighs_each_picture_s_channels_by_its_own_class() -> None:
    features, weights = made(2, 3, 4, 5), made(2, 3)
    expected = torch.stack([sum(weights[n, c] * features[n, c] for c in range(3)) for n in range(2)])  # type: ignore[misc]
    torch.testing.assert_close(cam(features, weights), expected)


@pytest.mark.parametrize(("how", "exact"), [("average", True), ("soft maximum", True), (None, False)])
def test_the_pooling_is_the_one_that_adds_up(how: str | None, exact: bool) -> None:
    features, weights, bias = made(2, 4, 3, 3), made(5, 4), made(5)
    evidence = torch.einsum("nchw,kc->nkhw", features, weights) + bias[:, None, None]
    logits = evidence.mean(dim=(2, 3)) if how != "soft maximum" else evidence.flatten(2).logsumexp(2) - math.log(9)
    if not exact:
        logits = logits + 0.05 * logits.abs().amax()
    assert pooling_of(features, weights, bias, logits) == how
    assert pooling_of(features[:, :3], weights, bias, logits) is None


def test_an_upsampled_map_is_aligned_with_the_layer_s_positions() -> None:
    maps = torch.zeros(1, 4, 4)
    maps[0, 1, 2] = 1.0
    larger = upsampled(maps, (36, 20))
    rows, columns = (larger[0] == larger.amax()).nonzero().float().mean(dim=0).tolist()
    assert (rows, columns) == (13.0, 12.0)  # the middles of pixels 9 to 17 and 10 to 14
    torch.testing.assert_close(upsampled(torch.full((1, 3, 3), 2.5), (9, 7)), torch.full((1, 9, 7), 2.5))
