"""A network whose answers are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.media.picture import Picture
from core.networks.card import NetworkCard
from core.networks.network import Network

PIXELS = 12
CLASSES = ("cat", "dog", "bird")


@pytest.fixture
def linear() -> Network:
    """Logits = W x: three rows of length 1 at right angles to each other, on pictures of 12 x 12 pixels."""
    layer = nn.Linear(3 * PIXELS**2, 3, bias=False)
    layer.weight.data = rows()
    return Network(card("linear"), nn.Sequential(nn.Flatten(), layer), "0" * 64)


@pytest.fixture
def turning() -> Network:
    """Its layer `0` turns the space of colors, and loses nothing; the logits are the means of the turned channels."""
    layer = nn.Conv2d(3, 3, 1, bias=False)
    layer.weight.data = turn()[:, :, None, None].clone()
    return Network(card("turning"), nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten()), "0" * 64)


def card(name: str) -> NetworkCard:
    return NetworkCard(
        name=f"local/{name}",
        identity=f"local/{name}#0",
        family="cnn",
        architecture=name,
        input_px=(PIXELS, PIXELS),
        class_names=CLASSES,
        parameters=3 * 3 * PIXELS**2,
        license="none",
        source="a test",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        crop_share=1.0,
    )


def turn() -> Tensor:
    """(3, 3), orthonormal."""
    random = torch.randn(3, 3, generator=torch.Generator().manual_seed(4))
    return torch.linalg.qr(random).Q.contiguous()


def rows() -> Tensor:
    """(3, 3 H W), orthonormal."""
    random = torch.randn(3 * PIXELS**2, 3, generator=torch.Generator().manual_seed(0))
    return torch.linalg.qr(random).Q.T.contiguous()


@pytest.fixture
def picture() -> Picture:
    """Noise between a quarter and three quarters of the range, of the linear network's own size."""
    random = np.random.default_rng(0)
    return Picture.from_pixels(random.integers(64, 192, (PIXELS, PIXELS, 3), dtype=np.uint8))
