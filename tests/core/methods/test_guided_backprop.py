from __future__ import annotations

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import nn
from torch.nn import functional

from core import engine
from core.errors import Undefined
from core.items import Map
from core.media.samples import sample
from core.method_base.method import Context
from core.networks.network import Network
from tests.core.methods.attributions import FAMILIES, Broken, hooks, loaded, made, noise, photos, rectified, small

GUIDED = {"deconvnet": False, "guided_backprop": True}
THEIRS = {"deconvnet": Deconvolution, "guided_backprop": GuidedBackprop}

each = pytest.mark.parametrize("method", GUIDED)


class Functional(nn.Module):
    """A ReLU that is no module."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return functional.relu(values)


def signal(method: str, network: Network, pictures: torch.Tensor, **parameters: str) -> torch.Tensor:
    rule_method = made(method, **parameters)
    rules = engine.attribution.activation_rules.PositiveSignal(
        guided=rule_method.guided, soft=rule_method.activations == "all"
    )
    values: torch.Tensor = rule_method.signal(network, pictures, rules)[0]
    return values


@each
@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")
def test_it_agrees_with_captum_where_all_activations_are_relu_modules(method: str) -> None:
    network, pictures = rectified(), noise(2)
    theirs = THEIRS[method](network.model).attribute(pictures.clone().requires_grad_(), target=1)
    torch.testing.assert_close(signal(method, network, pictures, class_name="dog"), theirs, rtol=1e-5, atol=1e-7)
    assert theirs.abs().amax() > 0


@each
def test_a_functional_relu_follows_the_rule(method: str) -> None:
    layers = nn.Conv2d(3, 4, 3), Functional(), nn.Flatten(), nn.Linear(400, 3)
    modules = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3)
    pictures = noise()
    torch.testing.assert_close(
        signal(method, small(*layers), pictures, class_name="dog"),
        signal(method, small(*modules), pictures, class_name="dog"),
    )


def test_the_masks_are_those_of_the_papers() -> None:
    """Of f = w relu(x): deconvnet gives max(w, 0), guided the same where x > 0; a ReLU6 is off from 6."""
    values, weights = torch.tensor([[-1.0, -1.0, 2.0, 2.0, 7.0]]), torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])
    for guided, relu, expected in (
        (False, functional.relu, [1, 0, 1, 0, 1]),
        (True, functional.relu, [0, 0, 1, 0, 1]),
        (False, functional.relu6, [1, 0, 1, 0, 1]),
        (True, functional.relu6, [0, 0, 1, 0, 0]),
    ):
        leaf = values.clone().requires_grad_()
        with engine.attribution.activation_rules.PositiveSignal(guided=guided, soft=False) as rules:
            value = (relu(leaf) * weights).sum(dim=1)
        torch.testing.assert_close(engine.attribution.backward.gradient(value, leaf), torch.tensor([expected]).float())
        assert rules.count() == 1


@each
def test_the_forward_pass_is_unchanged(method: str) -> None:
    network = loaded("lite/efficientnet_lite0")
    pictures = photos(network)
    rules = engine.attribution.activation_rules.PositiveSignal(guided=GUIDED[method], soft=True)
    _, score = made(method, class_name="tabby").signal(network, pictures, rules)
    torch.testing.assert_close(score.value, network(pictures)[:, network.class_index("tabby")])
    assert rules.count() == sum(isinstance(module, nn.ReLU6) for module in network.modules())


@each
@pytest.mark.parametrize("name", [FAMILIES["vit"], FAMILIES["mixer"], "random/test_convnext"])
def test_without_relus_it_is_undefined_but_for_the_variant(method: str, name: str) -> None:
    network = loaded(name)
    with pytest.raises(Undefined, match="The rule is defined for ReLU"):
        made(method).run([sample("cat")], network, Context())
    result = made(method, activations="all").run([sample("cat")], network, Context())
    item = result.items["attribution"]
    assert isinstance(item, Map)
    assert "gelu" in item.caption
    assert item.values.max() > 0
    assert result.metrics["overridden"] > 0


@each
def test_without_any_activation_it_is_undefined(method: str, linear: Network) -> None:
    with pytest.raises(Undefined, match="there is none before the target"):
        made(method).run([sample("cat")], linear, Context())


@each
def test_gates_keep_their_derivative_and_are_counted(method: str) -> None:
    network = small(nn.Conv2d(3, 4, 3), nn.Sigmoid(), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3))
    result = made(method).run([sample("cat")], network, Context())
    assert (result.metrics["overridden"], result.metrics["gates_kept"]) == (1, 1)


@each
def test_the_network_is_restored_after_an_error(method: str) -> None:
    network, plain = rectified(), noise().requires_grad_()
    (before,) = torch.autograd.grad(network(plain)[:, 1].sum(), plain)
    with pytest.raises(RuntimeError, match="out of memory"):
        made(method).run([sample("cat")], network, Broken())
    with pytest.raises(Undefined):
        made(method).run([sample("cat")], small(nn.Conv2d(3, 3, 12), nn.GELU(), nn.Flatten()), Context())
    (after,) = torch.autograd.grad(network(plain)[:, 1].sum(), plain)
    assert torch.equal(before, after)
    assert hooks(network) == 0
    assert not network.training


@each
def test_a_batch_equals_single_pictures(method: str) -> None:
    network = loaded("random/test_resnet")
    pictures = photos(network, 2)
    apart = torch.cat([signal(method, network, pictures[row : row + 1]) for row in range(2)])
    torch.testing.assert_close(
        signal(method, network, pictures), apart, rtol=1e-3, atol=1e-5 * float(apart.abs().amax())
    )


@each
def test_channels_and_neurons_of_any_layer_can_be_explained(method: str) -> None:
    network = loaded("random/test_resnet")
    for target in ("channel", "neuron"):
        result = made(method, target=target, depth=75).run([sample("cat")], network, Context())
        assert "channel" in result.items["attribution"].caption
        assert "probability" not in result.items
