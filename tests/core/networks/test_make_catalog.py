from __future__ import annotations

import json

import pytest
from timm.models import list_models
from timm.models._registry import _model_to_module

from core.networks.families import OWN, family_of
from core.networks.make_catalog import as_lines, build, class_names, facts
from core.networks.tables import CATALOG_FILE, CLASSES_FILE


def test_a_table_built_now_holds_the_rows_that_are_kept() -> None:
    kept = json.loads(CATALOG_FILE.read_text())
    built = build(["test_resnet.r160_in1k", "test_vit"])
    assert built["pretrained"][0][:4] in [row[:4] for row in kept["pretrained"]]
    assert built["random"][0][:4] in [row[:4] for row in kept["random"]]
    assert built["layer_texts"][built["layerings"][0][0]] in kept["layer_texts"]


def test_kept_class_names_are_those_that_timm_gives_now() -> None:
    assert json.loads(CLASSES_FILE.read_text())["1000"].split("\n") == class_names("imagenet-1k")


def test_an_encoder_without_logits_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert facts("mobilenetv5_300m_enc", 1000, (224, 224)) is None
    assert "left out mobilenetv5_300m_enc" in caplog.text


def test_every_architecture_of_timm_has_a_family() -> None:
    theirs = set(list_models()) - OWN.keys()
    assert {family_of(name, _model_to_module[name]) for name in theirs} == {"cnn", "vit", "mixer", "hybrid"}


def test_rows_are_lines_so_that_a_change_can_be_read() -> None:
    text = as_lines({"a": [[1, "é"], [2, "b"]], "b": {"c": 1}})
    assert text.splitlines()[1:4] == ['"a":[', '[1,"é"],', '[2,"b"]']
    assert json.loads(text) == {"a": [[1, "é"], [2, "b"]], "b": {"c": 1}}


def test_both_files_together_stay_small() -> None:
    assert CATALOG_FILE.stat().st_size + CLASSES_FILE.stat().st_size < 2_000_000
