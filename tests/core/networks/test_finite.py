from __future__ import annotations

import pytest
import torch

from core.errors import BadInput, ComputationFailed
from core.media.samples import sample
from core.networks.catalog import get_card
from core.networks.finite import OUTPUT, finite_outputs, first_layer_not_finite, require_finite
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


def test_passes_are_looked_at_without_another_one(network: Network, pictures: torch.Tensor) -> None:
    calls: list[int] = []
    network.register_forward_pre_hook(lambda _, given: calls.append(len(given[0])))
    with finite_outputs(network, [sample("cat")]):
        network(pictures)
    assert calls == [2]
    with finite_outputs(network, [sample("cat")]):
        pass
    assert calls == [2, 1], "nothing was passed through, so the picture is"


def test_a_pass_in_the_middle_that_is_not_finite_is_refused(network: Network, pictures: torch.Tensor) -> None:
    with (
        pytest.raises(ComputationFailed, match="not finite: random/test_resnet gave NaN or infinity for a picture"),
        finite_outputs(network, [sample("cat")]),
    ):
        list(map(network, [pictures, torch.full_like(pictures, torch.nan), pictures]))


def test_an_error_that_follows_from_an_output_that_is_not_finite_is_no_other(network: Network) -> None:
    with pytest.raises(BadInput, match="a reason"), finite_outputs(network, [sample("cat")]):
        raise BadInput("a reason")
    with torch.no_grad():
        network.model.layer2[0].conv1.weight[0, 0] = torch.nan
    with pytest.raises(ComputationFailed, match=r"in layer2\.0\.conv1$"), finite_outputs(network, [sample("cat")]):
        raise BadInput("a reason")
