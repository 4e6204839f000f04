from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.canonical import sha256_hex
from core.findings.trained_networks import comparable, hardest_sentence, recipe_lines, trained_networks, weights_sha256
from core.networks import folders
from core.settings import get_settings
from tests.support.trained import a_record, put_bundled, put_local


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No network is bundled or local yet; `home.parent / "bundled"` stands for the bundled ones' folder."""
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(folders, "BUNDLED", tmp_path / "bundled")
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


def names() -> list[str]:
    return [network.card.name for network in trained_networks()]


def test_bundled_networks_come_first_and_networks_without_a_usable_record_are_left_out(home: Path) -> None:
    put_local(home, "a", a_record())
    put_local(home, "fetched")
    put_local(home, "odd", a_record(), architecture="nothing")
    put_bundled(home.parent / "bundled", "vit", a_record())
    assert names() == ["bundled/vit", "local/a"]


def test_without_records_no_network_is_the_hardest(home: Path) -> None:  # noqa: ARG001
    assert names() == []
    assert comparable([]) == []
    assert hardest_sentence([]) == ""


def test_only_networks_of_one_data_set_are_compared(home: Path) -> None:
    for name, data in (("a", "1"), ("b", "2"), ("c", "2")):
        put_local(home, name, a_record(data=data * 64))
    assert [network.card.name for network in comparable(trained_networks())] == ["local/b", "local/c"]


def test_the_hardest_to_train_is_named_with_its_epochs(home: Path) -> None:
    put_local(home, "quick", a_record((0.3, 0.6, 0.9)))
    put_local(home, "slow", a_record((0.1, 0.2, 0.6), architecture="test_vit"), architecture="test_vit")
    put_local(home, "other", a_record((0.1,), data="e" * 64))
    assert hardest_sentence(trained_networks()) == (
        "local/slow (ViT) was the hardest to train: 3 epochs to 60 %, the highest accuracy that all networks reached, "
        "compared with 2 for local/quick."
    )


def test_differing_recipes_are_mentioned(home: Path) -> None:
    put_local(home, "a", a_record((0.3, 0.6), learning_rate=0.1))
    put_local(home, "b", a_record((0.1, 0.2)))
    assert hardest_sentence(trained_networks()).endswith("1 for local/a. Their training recipes differ as well.")


def test_a_recipe_is_listed_in_the_order_of_the_method_with_units() -> None:
    parameters = {
        "tempo": "slow",
        "flip": True,
        "model_args": {"depth": 6},
        "teacher": "",
        "input_px": 64,
        "mix_share": 0.25,
    }
    lines = {name: value for name, value, _ in recipe_lines(parameters)}
    assert lines == {
        "model_args": "depth 6", "input_px": "64 px", "flip": "yes", "mix_share": "0.25", "teacher": "none",
        "tempo": "slow",
    }  # fmt: skip
    assert list(lines) == ["model_args", "input_px", "flip", "mix_share", "teacher", "tempo"]


def test_a_recipe_with_a_pretrained_network_omits_the_architecture() -> None:
    lines = recipe_lines({"pretrained": "local/mine#12", "architecture": "resnet18", "model_args": {}, "epochs": 3})
    assert [name for name, _, _ in lines] == ["pretrained", "epochs"]


def test_the_digest_follows_the_weights_file(home: Path) -> None:
    files = put_local(home, "mine", a_record())
    assert weights_sha256("local/mine") == sha256_hex(files.weights.read_bytes())
