from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from core.errors import BadParameter
from core.items import Series
from core.media.samples import sample
from core.method_base.method import Context, Method
from core.method_base.parameters import validated
from core.methods import METHODS, discover
from core.networks.catalog import get_card
from core.networks.network import Network
from core.settings import REPOSITORY, get_settings
from workers.cli.main import app

PAGE = REPOSITORY / "docs" / "how-to" / "add-a-method.md"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Method]]:
    """The page's code block, found as a file of a folder of methods."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    folder = tmp_path / "documented_methods"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "dimming.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield discover(folder.name, [str(folder)])["dimming"]
    for name in ("documented_methods", "documented_methods.dimming"):
        del sys.modules[name]


class TwoClasses(torch.nn.Module):
    """Logits (brightness, 0.1): the first class wins until the picture's mean is below 0.1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([mean, torch.full_like(mean, 0.1)], dim=1)


def test_the_example_finds_the_brightness_at_which_a_known_network_changes_its_mind(example: type[Method]) -> None:
    card = get_card("random/test_resnet").model_copy(update={"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)})
    network = Network(card, TwoClasses(), "0" * 64)
    result = validated(example, {"steps": 101}).run([sample("cat")], network, Context())
    mean = float(network.prepare(sample("cat")).mean())
    assert result.metrics["min_brightness"] == pytest.approx(np.ceil(10 / mean) / 100, abs=0.011)
    curve = result.items["probability"]
    assert isinstance(curve, Series)
    assert curve.y == pytest.approx(1 / (1 + np.exp(0.1 - curve.x * mean)), abs=1e-3)  # rounded to 8 bits


def test_the_example_yields_what_it_declares(example: type[Method]) -> None:
    card = get_card("random/test_resnet")
    result = validated(example, {}).run([sample("cat")], Network(card, TwoClasses(), "0" * 64), Context())
    kinds = {output.name: output.kind for output in example.outputs}
    assert {name: item.kind for name, item in result.items.items()} == kinds


def test_the_examples_parameters_are_checked(example: type[Method]) -> None:
    with pytest.raises(BadParameter, match="steps must be a whole number from 2 to 1000 steps, got 1"):
        validated(example, {"steps": 1})


def test_reading_the_example_needs_no_torch(example: type[Method]) -> None:
    file = sys.modules[example.__module__].__file__
    program = f"import sys, runpy; runpy.run_path({file!r}); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPOSITORY, env={"PYTHONPATH": "."})


def test_the_examples_command_runs(example: type[Method], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(METHODS, "dimming", example)
    get_settings.cache_clear()
    (command,) = re.findall(r"```sh\ngazegrid (.*?)\n```", PAGE.read_text(), flags=re.DOTALL)
    done = CliRunner().invoke(app, [*shlex.split(command), "--inline"])
    get_settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert "min_brightness" in done.output


def test_the_page_is_short() -> None:
    prose = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    assert len(prose.split()) < 450
