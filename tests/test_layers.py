"""What each process imports, which versions it needs, and what packages show; import-linter checks the rest."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from core.settings import REPOSITORY

HEAVY = ("torch", "torchvision", "timm", "torch._C")
PARENTS = ["workers.worker.parent", "workers.services.reaper", "workers.services.local", "workers.cli.main"]
FLOORS = {"pillow": "13.0.0", "streamlit": "1.54", "torch": "2.10"}
"""Earlier versions have vulnerabilities that a malicious picture, page or weights file can exploit."""


def modules_of(package: str) -> list[str]:
    """Dotted names of a package's modules, without Streamlit's pages, which run when they are imported."""
    pages = {REPOSITORY / "dashboard" / "navigation.py", *(REPOSITORY / "dashboard" / "app_pages").glob("*.py")}
    paths = sorted({*(REPOSITORY / package).rglob("*.py")} - pages)
    names = [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def loaded_after(code: str, home: Path) -> set[str]:
    """Names in `sys.modules` of a fresh process after `code`."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    environment = os.environ | {"GAZEGRID_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_dashboard_and_every_method_are_imported_without_torch(tmp_path: Path) -> None:
    names = [
        *modules_of("dashboard"),
        "core.methods",
        "core.engine",
        "core.learning.classifier",
        "core.datasets.files",
        "core.networks.catalog",
        "core.export.page",
        "core.export.archive",
    ]
    loaded = loaded_after(f"import {', '.join(names)}", tmp_path)
    assert set(names) <= loaded
    assert not loaded.intersection(HEAVY)


def test_the_parents_of_workers_and_the_command_line_are_imported_without_torch_and_without_pages(
    tmp_path: Path,
) -> None:
    loaded = loaded_after(f"import {', '.join(PARENTS)}", tmp_path)
    assert set(PARENTS) <= loaded
    assert not loaded.intersection([*HEAVY, "streamlit"])


def test_core_and_workers_are_imported_without_pages(tmp_path: Path) -> None:
    names = [name for package in ("core", "workers") for name in modules_of(package) if not name.endswith("__main__")]
    assert not loaded_after(f"import {', '.join(names)}", tmp_path).intersection(["streamlit", "dashboard"])


def test_the_first_page_is_rendered_without_torch(tmp_path: Path) -> None:
    page = str(REPOSITORY / "dashboard" / "navigation.py")
    show = f"from streamlit.testing.v1 import AppTest\nshown = AppTest.from_file({page!r}, default_timeout=60).run()"
    loaded = loaded_after(f"{show}\nassert not shown.exception, shown.exception", tmp_path)
    assert "core.methods" in loaded
    assert not loaded.intersection(HEAVY)


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_libraries_that_read_foreign_bytes_are_new_enough(name: str, floor: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["worker"]]
    (required,) = [one for one in requirements if one.name == name]
    assert Version(version(name)) >= Version(floor)
    lowest = [Version(one.version) for one in required.specifier if one.operator == ">="]
    assert lowest
    assert min(lowest) >= Version(floor)  # a newer one may be required for another reason


FACES = [
    name
    for package in ("core", "workers", "dashboard")
    for name in modules_of(package)
    if (REPOSITORY / name.replace(".", "/") / "__init__.py").exists() and hasattr(import_module(name), "__all__")
]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("core", "workers", "dashboard")


@pytest.mark.parametrize("package", FACES)
def test_only_modules_in_all_are_imported_from_outside_a_package(package: str, imports: grimp.ImportGraph) -> None:
    face = set(import_module(package).__all__)
    hidden = {name for name in imports.find_children(package) if name.rpartition(".")[2] not in face}
    inside = {package} | imports.find_descendants(package)
    users = {(user, name) for name in hidden for user in imports.find_modules_that_directly_import(name)}
    assert not {(user, name) for user, name in users if user not in inside}


PACKAGES = [
    str(path.parent.relative_to(REPOSITORY))
    for package in ("core", "workers", "dashboard")
    for path in sorted((REPOSITORY / package).rglob("__init__.py"))
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_takes_and_gives(package: str) -> None:
    text = ast.get_docstring(ast.parse((REPOSITORY / package / "__init__.py").read_text("utf-8"))) or ""
    assert len(text) > 40, "an __init__.py says in its docstring what comes in and what goes out"


README_MODULES = re.findall(r"`((?:core|dashboard|workers)/[\w/*.]+)`", (REPOSITORY / "README.md").read_text("utf-8"))


@pytest.mark.parametrize("path", sorted(set(README_MODULES)))
def test_a_module_in_the_table_of_the_readme_can_be_imported(path: str) -> None:
    files = [file for file in REPOSITORY.glob(f"{path}*.py" if path.endswith("/") else path) if file.stem != "__init__"]
    assert files
    for file in files:
        import_module(".".join(file.relative_to(REPOSITORY).with_suffix("").parts))


def test_the_table_of_the_readme_names_every_step() -> None:
    assert len(set(README_MODULES)) >= 12
