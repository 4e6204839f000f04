from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import NetworkUnavailable
from core.findings.trained_networks import trained_networks
from core.networks import folders, weights_file
from core.networks.catalog import all_cards, get_card, unusable_networks
from core.networks.loading import load

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
        ({"family": "rnn"}, "family must be"),
        ({"model_args": {"checkpoint_path": "x.pth"}}, "may not set checkpoint_path"),
        ({"model_args": {"block": {"a": 1}}}, "may not set block"),
        ({"model_args": ["depth"]}, "model_args"),
        ({"pretrained_cfg": {"input_size": "wide"}}, "input_size must be a list"),
        ({"pretrained_cfg": {"input_size": [3, 10**6, 10**6]}}, "input_size.1 must be less than or equal to 4096"),
        ({"pretrained_cfg": {"input_size": [3, -96, 96]}}, "input_size.1 must be greater than or equal to 1"),
        ({"pretrained_cfg": {"input_size": [3, 96.5, 96]}}, "input_size.1 must be a valid integer"),
        ({"pretrained_cfg": {"input_size": [1, 96, 96]}}, "input_size.0 must be greater than or equal to 3"),
        ({"pretrained_cfg": {"std": [0.2, 0, 0.2]}}, "std.1 must be greater than or equal to 0.000001, got 0"),
        ({"pretrained_cfg": {"std": [58.4, 57.1, 57.4]}}, "std.0 must be less than or equal to 10"),
        ({"pretrained_cfg": {"mean": [0.5, float("nan"), 0.5]}}, "mean.1 must be a finite number"),
        ({"pretrained_cfg": {"mean": [0.5, float("inf"), 0.5]}}, "mean.1 must be a finite number"),
        ({"pretrained_cfg": {"mean": [123.7, 116.3, 103.5]}}, "mean.0 must be less than or equal to 1, got 123.7"),
        ({"pretrained_cfg": {"mean": ["0.5", 0.5, 0.5]}}, "mean.0 must be a number, got '0.5'"),
        ({"pretrained_cfg": {"mean": [0.5, True, 0.5]}}, "mean.1 must be a number, got True"),
        ({"pretrained_cfg": []}, r"cannot be used: pretrained_cfg must be a table of names and values, got \[\]"),
        ({"license": "x" * 501}, "license must have at most 500 characters"),
        ({"pretrained_cfg": {"crop_pct": 0}}, "crop_pct must be greater than 0, got 0"),
        ({"pretrained_cfg": {"interpolation": "magic"}}, "interpolation must be 'bilinear', 'bicubic'"),
        ({"pretrained_cfg": {"crop_mode": 3}}, "crop_mode must be 'center'"),
        ({"pretrained_cfg": ["input_size"]}, "pretrained_cfg must be a table of names and values"),
        ({"num_classes": True}, "num_classes must be 1 to 200000, got True"),
        ({"num_classes": 10.0}, "num_classes must be 1 to 200000, got 10.0"),
        ({"label_names": ["x" * 10**6, *"abcdefghi"]}, "label_names must be names of 1 to 200 characters"),
        ({"label_names": ["a\nb", *"abcdefghi"]}, "label_names must be without line breaks"),
        ({"label_names": [None, *"abcdefghi"]}, "label_names must be names of 1 to 200 characters, got None"),
        ({"label_names": "tabby"}, "label_names must be 10 unique names, got 'tabby'"),
        ({"label_names": {"0": "a", "11": "b"}}, "label_names must be a list, or a table of the indices 0 to 9"),
        ({"label_names": {"first": "a"}}, "label_names must be a list, or a table"),
        ({"license": "x" * 10**6}, "license must have at most 500 characters|license .*at most 500 characters"),
        ({"source": "one\ntwo"}, "source must be without line breaks"),
        ({"license": ["mit"]}, "license must be a valid string"),
        ({"architecture": "x" * 10**6}, "must be one of timm's"),
        ({"model_args": {"depth": 10**400}}, "may not set depth"),
        ({"pretrained_cfg": {"mean": [0.5, 10**400, 0.5]}}, "mean.1 must be"),
        ({"pretrained_cfg": {"input_size": [3, 10**400, 96]}}, "input_size.1 must be"),
        ({"pretrained_cfg": {"crop_pct": 10**400}}, "crop_pct must be"),
        ({"model_args": {"depth": [[[[1]]] * 900]}}, "may not set depth"),
        ({"model_args": {"drop_rate": float("nan")}}, "may not set drop_rate"),
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


NAMES = ["a 1", "b, c", 'say "d"', "🐈", "é" * 50, "f", "g", "h", "i", "j"]


@pytest.mark.parametrize(
    "labels",
    [NAMES, dict(enumerate(NAMES)), {name: index for index, name in enumerate(NAMES)}],
    ids=["list", "by index", "by name"],
)
def test_class_names_are_a_list_or_a_table_of_either_direction(
    local: Path, write_network: WriteNetwork, labels: Any
) -> None:
    write_network(local / "mine", label_names=labels)
    assert get_card("local/mine").class_names == tuple(NAMES)


def test_a_table_of_names_may_have_gaps(local: Path, write_network: WriteNetwork) -> None:
    write_network(local / "mine", label_names={"9": "nine", "2": "two"})
    names = get_card("local/mine").class_names
    assert (names[0], names[2], names[9]) == ("class 0", "two", "nine")


def test_missing_and_damaged_files_are_refused(local: Path, write_network: WriteNetwork) -> None:
    folder = write_network(local / "mine")
    (folder / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(NetworkUnavailable, match="not a safetensors file"):
        get_card("local/mine")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        NetworkUnavailable, match=r"the weights of local/mine cannot be used: model\.safetensors is missing"
    ):
        get_card("local/mine")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(
        NetworkUnavailable, match=r"pytorch_model\.bin is not read: save the weights as model\.safetensors"
    ):
        get_card("local/mine")
    (folder / "config.json").write_text("{")
    with pytest.raises(NetworkUnavailable, match=r"config\.json is not JSON"):
        get_card("local/mine")


@pytest.mark.parametrize("name", ["with space", "Käse-Netz", "сеть", "网络 (2)", "v1.0+ema", "cafe\u0301"], ids=ascii)
def test_a_folder_of_any_language_is_a_network(local: Path, write_network: WriteNetwork, name: str) -> None:
    write_network(local / name)
    card = get_card(f"local/{unicodedata.normalize('NFC', name)}")
    assert card in all_cards()
    assert not unusable_networks()
    assert load(card).card.identity == card.identity


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a,b", "has ','"),
        ("a#b", "has '#'"),
        ("a@b", "has '@'"),
        ("line\nbreak", r"has '\\n'"),
        (" space", "begins or ends with a space"),
        ("x" * 120, "must have at most 100 characters, got 120"),
        ("model.safetensors", "a network is a folder that has config.json and model.safetensors"),
        ("net.pth", "a network is a folder"),
    ],
)
def test_what_can_be_no_network_is_listed_with_the_reason(
    local: Path, write_network: WriteNetwork, name: str, sentence: str
) -> None:
    if name.endswith(("safetensors", "pth")):
        local.mkdir(parents=True)
        (local / name).write_bytes(b"x")
    else:
        write_network(local / name)
    ((listed, reason),) = unusable_networks().items()
    assert listed == f"local/{name}".replace("\n", "\\n")
    assert re.search(sentence, reason)
    with pytest.raises(NetworkUnavailable):
        get_card(listed)


def a_directory(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_cycle(path: Path) -> None:
    path.symlink_to(path)


def an_endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


BROKEN: dict[str, Callable[[Path], object]] = {
    "200,000 brackets": written(b"[" * 200_000),
    "900 brackets": written(b'{"num_classes": 10, "model_args": {"config.json": ' + b"[" * 900 + b"]" * 900 + b"}}"),
    "not UTF-8": written(b'{"architecture": "\xff\xfe"}'),
    "a number of 10,000 digits": written(b'{"num_classes": ' + b"9" * 10_000 + b"}"),
    "empty": written(b""),
    "null": written(b"null"),
    "too large": written(b" " * 9_000_000),
    "a terabyte": sparse,
    "a directory": a_directory,
    "a pipe": a_pipe,
    "a cycle of links": a_cycle,
    "an endless device": an_endless_device,
}


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "training.json"])
@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_file_is_one_row(local: Path, write_network: WriteNetwork, file: str, kind: str) -> None:
    write_network(local / "good")
    broken = write_network(local / "bad") / file
    broken.unlink(missing_ok=True)
    BROKEN[kind](broken)
    assert "local/good" in {card.name for card in all_cards()}
    assert {network.card.name for network in trained_networks()}.isdisjoint({"local/bad"})
    if file == "training.json":
        assert not unusable_networks()
        return
    ((name, reason),) = unusable_networks().items()
    assert name == "local/bad"
    assert file in reason
    assert len(reason) < 400
    assert "\n" not in reason


def test_a_table_of_tensors_beyond_the_limit_is_refused(
    local: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_network(local / "mine")
    monkeypatch.setattr(weights_file, "MAX_HEADER_BYTES", 100)
    with pytest.raises(NetworkUnavailable, match=r"the table of tensors in model\.safetensors must have at most"):
        get_card("local/mine")


def test_more_networks_than_the_limit_are_said(
    local: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_LOCAL", 2)
    for name in "abcd":
        write_network(local / name)
    assert {card.name for card in all_cards() if card.name.startswith("local/")} == {"local/a", "local/b"}
    assert unusable_networks() == {"local/c": "local/c cannot be used: only the first 2 local networks are listed, "
                                              "without this and later ones"}  # fmt: skip


def test_two_folders_of_one_name_are_both_listed(local: Path, write_network: WriteNetwork) -> None:
    for name in ("caf\u00e9", "cafe\u0301"):
        write_network(local / name)
    assert "local/caf\u00e9" in {card.name for card in all_cards()}
    ((name, reason),) = unusable_networks().items()
    assert (name, "rename one of them" in reason) == ("local/caf\u00e9 (2)", True)


def test_a_bundled_networks_identity_holds_the_hash_its_card_states(
    tmp_path: Path, write_network: WriteNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_network(tmp_path / "made", weights_sha256="ab" * 32)
    monkeypatch.setattr(folders, "BUNDLED", tmp_path)
    (folder / "config.json").rename(tmp_path / "small.json")
    (folder / "model.safetensors").rename(tmp_path / "small.safetensors")
    assert get_card("bundled/small").identity == "bundled/small#" + "ab" * 8
    assert json.loads((tmp_path / "small.json").read_text())["num_classes"] == 10
