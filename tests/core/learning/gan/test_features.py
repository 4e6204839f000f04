from __future__ import annotations

import numpy as np
import pytest
import torch

from core.learning.gan.features import features
from core.networks.catalog import get_card
from core.networks.loading import load


@pytest.mark.parametrize("name", ["random/test_resnet", "random/test_vit"])
def test_every_picture_has_features_whatever_its_neighbors_are(name: str) -> None:
    network = load(get_card(name))
    pictures = torch.rand(35, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    result = features(network, pictures)
    assert result.shape[0] == 35
    assert result.ndim == 2
    assert np.allclose(result[33:], features(network, pictures[33:]), atol=1e-4)


def test_a_gray_picture_has_the_features_of_its_rgb_version() -> None:
    network, gray = load(get_card("random/test_resnet")), torch.rand(2, 1, 16, 16)
    assert np.allclose(features(network, gray), features(network, gray.expand(-1, 3, -1, -1)))
