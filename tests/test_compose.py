"""The compose files and Dockerfiles, parsed and linted; needs no Docker engine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from redis import AuthenticationError, Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from core.settings import REPOSITORY, Settings
from workers.services.redis_server import find_server

FILES = ["docker-compose.yml", "docker-compose.gpu.yml"]
DOCKERFILES = sorted((REPOSITORY / "docker").glob("*.Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / FILES[0]).read_text("utf-8"))
GPU: dict[str, Any] = yaml.safe_load((REPOSITORY / FILES[1]).read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {name for name, service in SERVICES.items() if service["restart"] == "no"}
LASTING = sorted(SERVICES.keys() - ONCE)
FOREIGN_SETTINGS = {"HF_HOME"}


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the virtual environment."""
    path = Path(sys.executable).with_name(command[0])
    return subprocess.run([path, *command[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False)


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(f"docker_{name}", REPOSITORY / "docker" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", FILES)
def test_the_files_follow_the_compose_specification(file: str) -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    assert done.returncode == 0, done.stdout


def test_compose_lint_finds_nothing_beyond_documented_exceptions() -> None:
    done = tool("compose-lint", "check", "--strict-config", "--fail-on", "low", FILES[0])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_hadolint_finds_nothing(file: Path) -> None:
    done = tool("hadolint", "--failure-threshold", "style", str(file))
    assert done.returncode == 0, done.stdout


def test_there_are_the_services_of_the_design() -> None:
    assert LASTING == ["dashboard", "reaper", "redis", "worker"]
    assert sorted(ONCE) == ["password", "welcome"]


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_has_a_health_check_and_restarts(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_minimal_privileges(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["stop_grace_period"] == "60s"
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & service.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_mounts_a_folder_of_the_host(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        assert volume.split(":")[0] in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_an_exact_version(name: str) -> None:
    assert re.search(r":\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_an_image_has_an_exact_base_and_an_unprivileged_user(file: Path) -> None:
    text = file.read_text("utf-8")
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["python:3.11.14-slim-bookworm"]
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    assert "--constraint constraints.txt" in text


def test_only_the_image_of_the_worker_has_torch() -> None:
    extras = {file.stem: re.findall(r"--editable (\S+)", file.read_text("utf-8")) for file in DOCKERFILES}
    assert extras == {"dashboard": ["."], "worker": ["'.[worker,lite]'"]}
    assert SERVICES["reaper"]["build"]["dockerfile"] == "docker/dashboard.Dockerfile"


def test_only_the_dashboard_publishes_a_port_and_only_to_this_host() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"dashboard": ["127.0.0.1:8501:8501"]}


def test_redis_and_the_reaper_are_only_on_the_internal_network() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == SERVICES["reaper"]["networks"] == ["back"]
    assert all("network_mode" not in SERVICES[name] for name in LASTING)


@pytest.mark.parametrize("service", [*SERVICES.values(), *GPU["services"].values()])
def test_an_environment_variable_is_a_setting_with_a_valid_value(service: dict[str, Any]) -> None:
    environment = service.get("environment", {})
    ours = {
        name.removeprefix("GAZEGRID_").lower(): value
        for name, value in environment.items()
        if name not in FOREIGN_SETTINGS
    }
    defaults = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in ours.items() if value}
    assert ours.keys() <= Settings.model_fields.keys()
    Settings.model_validate(defaults)


def test_worker_dashboard_and_reaper_share_one_store_and_the_password() -> None:
    for name in ("worker", "dashboard", "reaper"):
        assert {"store:/data/store", "password:/run/gazegrid:ro"} <= set(SERVICES[name]["volumes"])
        settings = SERVICES[name]["environment"]
        assert settings["GAZEGRID_STORE"] == "/data/store"
        assert Path(settings["GAZEGRID_REDIS_PASSWORD_FILE"]) == Path("/run/gazegrid/redis_password")


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_a_fresh_volume_belongs_to_the_user_of_the_service(file: Path) -> None:
    (made,) = re.findall(r"install -d -o gazegrid -g gazegrid -m 0755 (.*)$", file.read_text("utf-8"), re.MULTILINE)
    mounted = {volume.split(":")[1] for name in SERVICES.keys() - {"redis"} for volume in SERVICES[name]["volumes"]}
    assert mounted <= set(made.split())


def test_the_gpu_file_changes_the_worker_only() -> None:
    (worker,) = GPU["services"].values()
    assert list(GPU["services"]) == ["worker"]
    assert worker["environment"] == {"GAZEGRID_DEVICE": "cuda"}
    assert worker["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.stem)
def test_no_file_that_an_image_needs_is_ignored(file: Path) -> None:
    included = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    copied = re.findall(r"^COPY (.*) \./$", file.read_text("utf-8"), re.MULTILINE)[0].split()
    assert {*copied, "core", "workers", "dashboard", "docker/*.py"} <= included


def test_the_password_is_created_once(tmp_path: Path) -> None:
    password = script("password")
    assert password.make_password(tmp_path)
    made = (tmp_path / "redis_password").read_text("utf-8")
    assert not password.make_password(tmp_path)
    assert (tmp_path / "redis.conf").read_text("utf-8") == f"requirepass {made}\n"
    assert len(made) >= 40


@pytest.fixture
def composed_redis(tmp_path: Path) -> Iterator[Path]:
    """The folder of a server with the command line of compose, except for folder and port."""
    script("password").make_password(tmp_path)
    replacements = {"redis-server": str(find_server(None)), "/run/gazegrid/redis.conf": str(tmp_path / "redis.conf")}
    command = [replacements.get(part, part) for part in SERVICES["redis"]["command"]]
    command[command.index("--dir") + 1] = str(tmp_path)
    command += ["--port", "0", "--unixsocket", str(tmp_path / "s")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield tmp_path
    finally:
        server.terminate()
        server.wait(10)


def test_redis_under_compose_requires_the_password(composed_redis: Path) -> None:
    patience = Retry(ConstantBackoff(0.05), 100, supported_errors=(RedisConnectionError,))
    password = (composed_redis / "redis_password").read_text("utf-8")
    with Redis(unix_socket_path=str(composed_redis / "s"), password=password, retry=patience) as client:
        assert client.ping()
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    with Redis(unix_socket_path=str(composed_redis / "s")) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_a_worker_is_healthy_while_it_sends_heartbeats(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    health = script("health")
    monkeypatch.setattr(health, "get_settings", lambda: settings)
    monkeypatch.setattr(health.socket, "gethostname", lambda: "a1b2")
    redis.sadd("rq:workers", "rq:worker:other-7-aa", "rq:worker:a1b2-7-bb")
    redis.hset("rq:worker:other-7-aa", "state", "idle")
    assert health.main("worker") == 1
    assert capsys.readouterr().err == "this host's worker sends no heartbeats\n"
    redis.hset("rq:worker:a1b2-7-bb", "state", "idle")
    assert health.main("worker") == 0


def test_an_unreachable_service_is_not_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    health = script("health")
    monkeypatch.setattr(health, "get_settings", lambda: Settings(home=tmp_path, port=1))
    for service in health.SERVICES:
        assert health.main(service) == 1
        assert "Traceback" not in capsys.readouterr().err


RUNS = ["docker-compose.yml", "docker/worker.Dockerfile", "Makefile"]


@pytest.mark.parametrize("file", RUNS)
def test_every_module_that_is_run_is_there(file: str) -> None:
    text = (REPOSITORY / file).read_text("utf-8")
    modules = re.findall(r"\b(?:core|workers)(?:\.[a-z_]+)+\b", text)
    assert modules
    assert [name for name in modules if find_spec(name) is None] == []
