"""The embedded start, as a newcomer has it: one command, its own processes, a clean end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workers.conftest import wait_for

START_S = 60.0


class Up:
    """`gazegrid up` in a process of its own, from a home of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.port = port
        self.environment = os.environ | {
            "GAZEGRID_HOME": str(home),
            "GAZEGRID_PORT": str(port),
            "GAZEGRID_LEASE_S": "2",
            "GAZEGRID_WELCOME": "false",
        }
        self.log = home.parent / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "workers.cli", "up"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_for(self.answers, START_S, "the dashboard")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def gazegrid(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workers.cli", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def stop(self, how: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Up(tmp_path / "home", port)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def descendants(pid: int) -> set[int]:
    """Every process below `pid`, from /proc."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def gone(pids: set[int]) -> Callable[[], bool]:
    return lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.slow
def test_up_runs_a_job_stops_cleanly_and_finds_it_again(up):
    up.start()
    run = ("run", "detail_search", "--networks", "random/test_resnet", "--pictures", "sample:cat", "--set", "steps=2")
    (first,) = json.loads(up.gazegrid(*run, "--json").stdout)
    assert first["state"] == "computed"
    now = json.loads(up.gazegrid("status", "--json").stdout)
    assert (now["running"], now["dashboard"], len(now["workers"])) == (True, True, 1)
    second = up.gazegrid("up")
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert "runs already" in second.stderr
    below = descendants(up.process.pid)
    assert up.stop() == 0
    wait_for(gone(below), 5, "the end of every child")
    up.start()
    (again,) = json.loads(up.gazegrid(*run, "--json").stdout)
    assert again["state"] == "cached"
    assert up.gazegrid("down").returncode == 0
    assert up.process.wait(5) == 0


@pytest.mark.slow
def test_killing_the_parent_ends_the_children_and_the_next_start_works(up):
    up.start()
    below = descendants(up.process.pid)
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(gone(below), 15, "the end of every child")
    up.start()
    assert up.stop(signal.SIGTERM) == 0


def test_a_taken_port_is_one_clear_line(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", up.port))
        taken.listen()
        started_s = time.monotonic()
        ended = up.gazegrid("up")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert f"port {up.port}" in ended.stderr
    assert "GAZEGRID_PORT" in ended.stderr
    assert time.monotonic() - started_s < 10
