from __future__ import annotations

import pytest
import torch

from core.errors import ComputationFailed
from core.networks.catalog import get_card
from core.networks.finite import OUTPUT, first_layer_not_finite, require_finite
from core.networks.loading import load
from core.networks.network import Network


@pytest.fixture
def network() -> Network:
    return load(get_card("random/test_resnet"))


@pytest.fixture
def pictures(network: Network) -> torch.Tensor:
    return torch.rand(2, 3, *network.card.input_px)


def test_a_finite_output_is_handed_on(network: Network, pictures: torch.Tensor) -> None:
    torch.testing.assert_close(require_finite(network, pictures), network(pictures))
    assert first_layer_not_finite(network, pictures) == OUTPUT


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_the_first_layer_that_is_not_finite_is_named(network: Network, pictures: torch.Tensor, value: float) -> None:
    with torch.no_grad():
        network.model.layer2[0].conv1.weight[0, 0] = value
    with pytest.raises(ComputationFailed, match=r"the network's output is not finite: .* in layer2\.0\.conv1$"):
        require_finite(network, pictures)
    hooks = [module._forward_hooks for module in network.modules()]
    assert not any(hooks)


def test_what_is_made_of_finite_layers_can_be_not_finite(
    network: Network, pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = network.forward
    monkeypatch.setattr(network, "forward", lambda x: own(x) / 0)
    with pytest.raises(ComputationFailed, match=f"in {OUTPUT}$"):
        require_finite(network, pictures)
