"""The command line in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.settings import get_settings
from core.store.store import Store, open_store
from workers.cli.main import main

Gazegrid = Callable[..., tuple[int, str, str]]
"""Arguments -> (exit status, standard output, standard error)."""


@pytest.fixture
def gazegrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Gazegrid]:
    """`gazegrid` with its own home."""
    monkeypatch.setenv("GAZEGRID_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["gazegrid", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    yield call
    get_settings.cache_clear()


@pytest.fixture
def store(gazegrid: Gazegrid) -> Store:  # noqa: ARG001  it sets the home
    return open_store(get_settings())
