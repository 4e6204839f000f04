from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import NetworkUnavailable, UnknownNetwork
from core.networks import folders
from core.networks.catalog import all_cards, get_card, unusable_networks

from .conftest import WriteNetwork


@pytest.fixture
def local(home: Path) -> Path:
    return home / "networks" / "local"


def test_a_local_network_is_listed_with_what_its_configuration_says(local: Path, write_network: WriteNetwork) -> None:
    labels = [f"kind {number}" for number in range(10)]
    write_network(local / "mine", label_names=labels, license="ours", family="cnn")
    card = get_card("local/mine")
    assert card in all_cards()
    assert (card.class_names, card.license, card.family) == (tuple(labels), "ours", "cnn")
    assert (card.input_px, card.mean, card.std) == ((96, 96), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert card.parameters > 100_000


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_another_content_of_either_file_is_another_identity(
    local: Path, write_network: WriteNetwork, file: str
) -> None:
    path = write_network(local / "mine") / file
    before = get_card("local/mine").identity
    content = path.read_bytes()
    path.write_bytes(content.replace(b"10", b"10 ", 1) if file == "config.json" else content[:-1] + b"\x01")
    after = get_card("local/mine").identity
    assert before.startswith("local/mine#")
    assert after.startswith("local/mine#")
    assert before != after


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "/etc/passwd"}, "must be one of timm's"),
        ({"architecture": ["resnet18"]}, "must be one of timm's"),
        ({"num_classes": 10**12}, "num_classes must be 1 to 200000"),
        ({"num_classes": "ten"}, "num_classes must be 1 to 200000"),
        ({"label_names": ["a"] * 10}, "label_names must be 10 unique names"),
        ({"family": "rnn"}, "family: Input should be"),
        ({"model_args": {"checkpoint_path": "x.pth"}}, "may not set checkpoint_path"),
        ({"model_args": {"block": {"a": 1}}}, "may not set block"),
        ({"model_args": ["depth"]}, "model_args"),
        ({"pretrained_cfg": {"input_size": "wide"}}, "input_px"),
    ],
)
def test_an_invalid_configuration_is_one_sentence_and_not_listed(
    local: Path, write_network: WriteNetwork, changes: dict[str, Any], sentence: str
) -> None:
    write_network(local / "odd", **changes)
    with pytest.raises(NetworkUnavailable, match=sentence) as caught:
        get_card("local/odd")
    assert "\n" not in str(caught.value)
    assert not [card for card in all_cards() if card.name == "local/odd"]
    assert unusable_networks() == {"local/odd": str(caught.value)}


def test_missing_and_damaged_files_are_refused(local: Path, write_network: WriteNetwork) -> None:
    folder = write_network(local / "mine")
    (folder / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(NetworkUnavailable, match="not a safetensors file"):
        get_card("local/mine")
    (folder / "model.safetensors").unlink()
    with pytest.raises(NetworkUnavailable, match="a file of local/mine cannot be read"):
        get_card("local/mine")
    (folder / "config.json").write_text("{")
    with pytest.raises(NetworkUnavailable):
        get_card("local/mine")


def test_a_folder_whose_name_is_no_plain_name_is_not_listed(local: Path, write_network: WriteNetwork) -> None:
    write_network(local / "with space")
    with pytest.raises(UnknownNetwork):
        get_card("local/with space")


def test_a_bundled_networks_identity_holds_the_hash_its_card_states(
    tmp_path: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_network(tmp_path / "made", weights_sha256="ab" * 32)
    monkeypatch.setattr(folders, "BUNDLED", tmp_path)
    (folder / "config.json").rename(tmp_path / "small.json")
    (folder / "model.safetensors").rename(tmp_path / "small.safetensors")
    assert get_card("bundled/small").identity == "bundled/small#" + "ab" * 8
    assert json.loads((tmp_path / "small.json").read_text())["num_classes"] == 10
