"""`gazegrid up`: Redis, reaper, workers and dashboard under one parent process.

A child that exits is started again. If the parent is killed, its children end with it. The next start finds queue and
results again.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from filelock import FileLock, Timeout

from core.errors import BadInput, GazegridError, QueueUnavailable
from core.queue.queue import JobQueue, connect
from core.settings import REPOSITORY, Settings
from workers.services.evictor import evicting
from workers.services.reaper import Reaper
from workers.services.redis_server import embedded_redis
from workers.services.welcome import submit_welcome
from workers.worker.parent_death import end_with_parent

log = structlog.get_logger()

GRACE_S = 20.0
START_TIMEOUT_S = 60.0
RESTART_PAUSE_S = 2.0
WORKER_NICENESS = 10
"""The dashboard has priority over computation."""


@dataclass
class Child:
    """A process that is started again when it exits."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    log: Path | None = None
    """File for its output; default: the output of this process"""
    niceness: int = 0
    """0 to 19; a process of higher niceness yields the cores to others"""
    process: subprocess.Popen[bytes] | None = None
    ended_at: float | None = None

    def start(self) -> None:
        """Start in its own process group, so that Ctrl-C reaches only the parent, which stops the children in order."""
        with self.log.open("ab") if self.log else nullcontext() as output:
            self.process = subprocess.Popen(  # noqa: S603  our own commands
                self.command,
                cwd=REPOSITORY,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509  one system call, no lock
            )
        os.setpriority(os.PRIO_PROCESS, self.process.pid, self.niceness)
        self.ended_at = None

    def watch(self) -> None:
        """Start it again, after a pause, if it has exited."""
        if self.process is None or self.process.poll() is None:
            return
        if self.ended_at is None:
            log.warning("process exited, restarting it", process=self.name, status=self.process.returncode)
            self.ended_at = time.monotonic()
        if time.monotonic() - self.ended_at > RESTART_PAUSE_S:
            self.start()

    def stop(self) -> None:
        """Terminate it; kill it after the grace period."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            log.warning("process did not terminate in time, killing it", process=self.name)
            self.process.kill()
            self.process.wait()


def up(settings: Settings) -> None:
    """Start all services, submit the welcome comparison, and wait for Ctrl-C or SIGTERM.

    Raises BadInput if Gazegrid already runs from this home, or host or port cannot be used.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        stack.enter_context(_single_instance(settings))
        _check_host(settings)
        _check_port(settings)
        if settings.redis_url is None:
            stack.enter_context(embedded_redis(settings))
        stack.enter_context(_reaping(settings))
        stack.enter_context(evicting(settings))
        children = [*_workers(settings), _dashboard(settings)]
        for child in children:
            child.start()
            stack.callback(child.stop)
        _write_state(settings)
        stack.callback(_state_file(settings).unlink, missing_ok=True)
        _announce(settings, stopping)
        while not stopping.wait(0.5):
            for child in children:
                child.watch()
        log.info("stopping; a running job resumes at the next start")


def _workers(settings: Settings) -> list[Child]:
    # Passive waiting: spinning threads take the cores from all other processes.
    threads = {"OMP_NUM_THREADS": str(settings.worker_threads), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", "workers.worker.parent"]
    return [
        Child(f"worker {number}", command, threads, niceness=WORKER_NICENESS)
        for number in range(1, settings.workers + 1)
    ]


def _dashboard(settings: Settings) -> Child:
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless", "true"]
    command += ["--server.address", settings.host, "--server.port", str(settings.port)]
    return Child("dashboard", command)


@contextmanager
def _reaping(settings: Settings) -> Iterator[None]:
    """Run the reaper in a thread while the block lasts."""
    stopping = threading.Event()
    reaper = threading.Thread(target=Reaper(connect(settings), settings).run, args=(stopping,), daemon=True)
    reaper.start()
    try:
        yield
    finally:
        stopping.set()
        reaper.join(timeout=5)


@contextmanager
def _single_instance(settings: Settings) -> Iterator[None]:
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(settings.home / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        state = _read_state(settings)
        place = f" at {state['address']}" if state else ""
        raise BadInput(f"Gazegrid already runs from {settings.home}{place}; `gazegrid down` stops it") from None
    try:
        yield
    finally:
        lock.release()


def _check_host(settings: Settings) -> None:
    """Refuse an address that others can reach, since there is no login. Raises BadInput."""
    try:
        is_local = ip_address(settings.host).is_loopback
    except ValueError:
        is_local = settings.host == "localhost"
    if not is_local:
        raise BadInput(
            f"GAZEGRID_HOST must be a loopback address such as 127.0.0.1, got {settings.host[:80]!r}: "
            "the dashboard has no login; put a proxy with a login in front of it"
        )


def _check_port(settings: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise BadInput(
                f"port {settings.port} of {settings.host} cannot be used ({error.strerror}); "
                "set GAZEGRID_PORT to another one"
            ) from None


def _announce(settings: Settings, stopping: threading.Event) -> None:
    """Submit the welcome comparison; print the address once the dashboard responds."""
    key = submit_welcome(settings) if settings.welcome else None
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stopping.is_set() and time.monotonic() < deadline:
        if responds(address(settings)):
            welcome = f"A first comparison fills at {address(settings)}/?grid={key}\n" if key else ""
            sys.stdout.write(f"\nGazegrid is up at {address(settings)}\n{welcome}Ctrl-C stops it.\n\n")
            sys.stdout.flush()
            return
        stopping.wait(0.2)
    if not stopping.is_set():
        log.error("the dashboard does not respond yet", address=address(settings), waited_s=START_TIMEOUT_S)


def address(settings: Settings) -> str:
    """The dashboard's URL for a browser on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def responds(url: str) -> bool:
    """Whether a dashboard responds at this URL."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as response:  # noqa: S310  our own
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _state_file(settings: Settings) -> Path:
    return settings.home / "up.json"


def _write_state(settings: Settings) -> None:
    _state_file(settings).write_text(json.dumps({"pid": os.getpid(), "address": address(settings)}), "utf-8")


def _read_state(settings: Settings) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(_state_file(settings).read_text("utf-8"))
        return {"pid": int(state["pid"]), "address": str(state["address"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _running_state(settings: Settings) -> dict[str, Any] | None:
    """The state that `up` wrote, if `up` still holds its lock: a reused process id is never signalled."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(settings.home / "up.lock")
    try:
        with lock.acquire(timeout=0):
            return None
    except Timeout:
        return _read_state(settings)


def down(settings: Settings) -> str:
    """Stop what `up` started from this home, and wait; a sentence that says what was done. Raises GazegridError."""
    state = _running_state(settings)
    if state is None:
        return f"nothing runs from {settings.home}"
    os.kill(state["pid"], signal.SIGTERM)
    deadline = time.monotonic() + 3 * GRACE_S
    while time.monotonic() < deadline:
        if _running_state(settings) is None:
            return "stopped"
        time.sleep(0.2)
    raise GazegridError(f"process {state['pid']} did not stop within {3 * GRACE_S:.0f} s")


def status(settings: Settings) -> dict[str, Any]:
    """`{running, address, dashboard, queue, workers}`: whether the dashboard responds, job counts, worker names."""
    state = _running_state(settings)
    current: dict[str, Any] = {
        "running": state is not None,
        "address": None,
        "dashboard": False,
        "queue": None,
        "workers": [],
    }
    if state is not None:
        current |= {"address": state["address"], "dashboard": responds(address(settings))}
    try:
        queue = JobQueue(connect(settings), settings)
        current |= {"queue": queue.counts(), "workers": [worker.name for worker in queue.workers()]}
        current["running"] = current["running"] or bool(current["workers"])
    except QueueUnavailable as error:
        current["queue"] = str(error)
    return current
