from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from core.networks.catalog import get_card
from core.networks.loading import load
from core.settings import REPOSITORY, get_settings

PAGE = (REPOSITORY / "docs" / "how-to" / "add-a-network.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page's Python code writes, in a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / ".gazegrid"))
    get_settings.cache_clear()
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "add-a-network.md", "exec"), {})  # noqa: S102  our own page
    yield tmp_path / ".gazegrid" / "networks" / "local" / "mine"
    get_settings.cache_clear()


@pytest.mark.usefixtures("folder")
def test_the_pages_code_makes_a_network_that_answers() -> None:
    network = load(get_card("local/mine"), "cpu")
    height, width = network.card.input_px
    assert network(torch.zeros(1, 3, height, width)).shape == (1, 3)
    assert network.card.class_names == ("cat", "cup", "rocket")


def test_the_pages_configuration_is_what_the_card_says(folder: Path) -> None:
    (config,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    (folder / "config.json").write_text(config)
    card = get_card("local/mine")
    said = json.loads(config)
    assert (card.family, card.license, card.source) == (said["family"], said["license"], said["source"])
    assert (card.input_px, card.mean, card.crop_share) == ((96, 96), (0.5, 0.5, 0.5), 1.0)
