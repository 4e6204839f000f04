from __future__ import annotations

from pathlib import Path

import pytest

from core.docgen import network_docs
from core.docgen.network_docs import DOCS_FILE, bundled_networks, networks_markdown
from core.networks import concentration, folders
from core.networks.concentration import BeforeAfter, Concentration, concentrations, to_bytes
from tests.support.trained import a_record, put_bundled

TEACHER = {"teacher": "local/bundled-teacher#12", "distillation_weight": 0.7}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of two bundled networks that differ in their architecture only."""
    monkeypatch.setattr(folders, "BUNDLED", tmp_path)
    for name, architecture, accuracy in (("cnn", "test_resnet", 0.9), ("vit", "test_vit", 0.5)):
        record = a_record((0.1, *(accuracy,) * 24), architecture=architecture, **TEACHER)
        put_bundled(tmp_path, name, record, architecture=architecture)
    return networks_markdown(bundled_networks())


def test_the_committed_page_matches_the_records() -> None:
    assert DOCS_FILE.read_text(encoding="utf-8") == networks_markdown(bundled_networks()), "run: make docs"


def test_without_networks_the_page_has_one_sentence() -> None:
    assert networks_markdown([]).splitlines()[-1] == "No network is bundled yet."


def test_the_overview_compares_the_networks(written: str) -> None:
    assert "| [`bundled/cnn`](#bundledcnn) | CNN | 6 | 90 % | 25 min | cuda |" in written
    assert "bundled/vit (ViT) was the hardest to train" in written
    assert "recipes differ" not in written


def test_each_network_has_a_section_with_its_record(written: str) -> None:
    section = written.partition("## bundled/vit\n")[2].partition("## ")[0]
    for text in (
        "seed 7", "Top-1 50 % of 120 held-out pictures", "25 epochs in 25 min (1,500 s) on cuda", "torch 2.15.0",
        "| cat | cup | 9 | 40 |", "| `architecture` | test_vit |", "SHA-256 of the weights: `",
    ):  # fmt: skip
        assert text in section


def test_the_curve_has_about_ten_epochs_up_to_the_last(written: str) -> None:
    assert "| epoch | 1 | 3 | 6 | 9 | 12 | 15 | 18 | 21 | 24 | 25 |" in written
    assert "| accuracy (%) | 10.0 | 90.0 |" in written


def test_the_shared_recipe_is_listed_once_with_its_teacher(written: str) -> None:
    assert written.count("| `learning_rate` | 0.001 |") == 1
    assert "the teacher has the features of `lite/efficientnet_lite0`" in written
    assert "70 % of the weight" in written


def test_concentration_is_reported_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concentration, "CONCENTRATIONS", tmp_path / "concentration.json")
    assert network_docs.concentration_lines(concentrations()) == []
    change = BeforeAfter(0.5, 0.625, 0.75, 0.8, 0.9)
    numbers = Concentration("ab" * 32, 1000, {48: 0.5, 64: 0.55}, change, change, change)
    concentration.CONCENTRATIONS.write_bytes(to_bytes({"bundled/cnn": numbers}))
    assert concentrations() == {"bundled/cnn": numbers}
    text = "\n".join(network_docs.concentration_lines(concentrations()))
    assert "on 1,000 held-out pictures" in text
    assert "| 64 px | 55.0 % |" in text
    assert "| probability of the true class | 50.0 % → 62.5 % |" in text
    assert text.count("| pictures with a higher probability | 90.0 % |") == 3


def test_the_page_says_how_to_train_again(written: str) -> None:
    assert "make bundled DATA=" in written
