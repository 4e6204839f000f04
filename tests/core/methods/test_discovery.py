"""How methods are found: one file, one method."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import UnknownMethod
from core.method_base.method import Method
from core.method_base.parameters import validated
from core.methods import discover, make_method

FILE = """
from core.method_base.method import Method, Output, parameter

class {name}(Method):
    title = "{title}"
    summary = "What is shown? It is computed."
    source = "A paper"
    family = "inspection"
    version = 1
    outputs = (Output("map", "map", "Caption"),)
    steps: int = parameter(5, "Steps of the search", unit="steps", ge=1, le=9)
"""


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match=r"there is no method 'os\.system'; there are: "):
        make_method("os.system", {})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package of methods."""
    folder = tmp_path / "some_methods"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def discovered(package: Path) -> dict[str, type[Method]]:
    return discover(package.name, [str(package)])


def test_a_file_is_a_method_with_its_name(package: Path) -> None:
    (package / "second.py").write_text(FILE.format(name="Second", title="Two"))
    (package / "first.py").write_text(FILE.format(name="First", title="One"))
    methods = discovered(package)
    assert {name: method.name for name, method in methods.items()} == {"first": "first", "second": "second"}
    assert list(methods) == ["first", "second"]
    assert validated(methods["first"], {"steps": 3}).model_dump() == {"steps": 3}


def test_a_broken_file_raises_and_is_never_skipped(package: Path) -> None:
    (package / "fine.py").write_text(FILE.format(name="Fine", title="Fine"))
    (package / "broken.py").write_text("import no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        discovered(package)


def test_a_file_with_two_methods_or_none_is_refused(package: Path) -> None:
    (package / "empty.py").write_text("from core.method_base.method import Method")
    with pytest.raises(TypeError, match=r"some_methods\.empty must hold one Method, it holds 0"):
        discovered(package)
    (package / "empty.py").unlink()
    (package / "double.py").write_text(FILE.format(name="One", title="One") + FILE.format(name="Two", title="Two"))
    with pytest.raises(TypeError, match=r"some_methods\.double must hold one Method, it holds 2"):
        discovered(package)


def test_two_methods_of_one_title_are_refused(package: Path) -> None:
    for name in ("first", "second"):
        (package / f"{name}.py").write_text(FILE.format(name="Any", title="The same"))
    with pytest.raises(TypeError, match=r"some_methods\.second and first have the same title"):
        discovered(package)
