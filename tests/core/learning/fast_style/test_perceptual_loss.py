from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from core.engine.style.stylization import Region, StyleLayers, transfer_targets
from core.learning.fast_style.perceptual_loss import PerceptualLoss, perceptual_loss
from core.method_base.style_encoder import Encoder, automatic_style_layers, encoder_of
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network

each_network = pytest.mark.parametrize("name", ["random/test_resnet", "random/test_vit"])


@cache
def network(name: str) -> Network:
    return load(get_card(name))


def pictures(seed: int, count: int = 1) -> Tensor:
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(48, 48))


def parts(name: str, smoothing: float = 0.0) -> tuple[Encoder, StyleLayers]:
    style_layers = automatic_style_layers(network(name), pictures(0))
    return encoder_of(network(name), style_layers), StyleLayers(style_layers.content, style_layers.styles, smoothing)


def a_loss(name: str, photos: Tensor, smoothing: float = 0.0) -> PerceptualLoss:
    encoder, style_layers = parts(name, smoothing)
    return perceptual_loss(encoder, photos, [(pictures(9), 0.25), (pictures(8), 0.75)], style_layers)


@each_network
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_of_one_photo_it_is_what_style_transfer_minimizes(name: str, smoothing: float) -> None:
    photo, paint = pictures(1), pictures(2)
    encoder, style_layers = parts(name, smoothing)
    theirs = transfer_targets(
        encoder, photo, [Region([(pictures(9), 0.25), (pictures(8), 0.75)])], style_layers, (48, 48)
    )
    ours = a_loss(name, photo, smoothing)
    for result, expected in zip(ours.distances(paint, photo), theirs.distances(paint), strict=True):
        assert float(result) == pytest.approx(float(expected), rel=1e-4)


@each_network
def test_photos_left_alone_keep_their_content_and_have_style_1_on_the_mean(name: str) -> None:
    photos = pictures(3, 3)
    content, style = a_loss(name, photos).distances(photos, photos)
    assert float(content) == pytest.approx(0, abs=1e-6)
    assert float(style) == pytest.approx(1, rel=1e-4)


def test_the_style_itself_has_style_0() -> None:
    encoder, style_layers = parts("random/test_resnet")
    loss = perceptual_loss(encoder, pictures(3, 2), [(pictures(9), 1.0)], style_layers)
    assert float(loss.distances(pictures(9), pictures(3))[1]) == pytest.approx(0, abs=1e-6)


@each_network
def test_many_pictures_are_the_mean_of_each(name: str) -> None:
    loss = a_loss(name, pictures(4, 2))
    paint, photos = pictures(5, 3), pictures(6, 3)
    batched = torch.stack(loss.distances(paint, photos))
    single = [torch.stack(loss.distances(paint[i : i + 1], photos[i : i + 1])) for i in range(3)]
    assert batched.tolist() == pytest.approx(torch.stack(single).mean(dim=0).tolist(), rel=1e-4)
