"""`gazegrid up` in its own process and its own home."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 90.0


class Up:
    """A `gazegrid up` that a test starts and stops."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.address = f"http://127.0.0.1:{port}/"
        self.environment = os.environ | {
            "GAZEGRID_HOME": str(home),
            "GAZEGRID_PORT": str(port),
            "GAZEGRID_LEASE_S": "2",
            "GAZEGRID_WELCOME": "false",
        }
        self.log = home.parent / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return as soon as the dashboard responds."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "workers.cli.main", "up"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self.responds():
            assert time.monotonic() < deadline, f"the dashboard did not respond within {START_S} s"
            time.sleep(0.02)

    def responds(self) -> bool:
        """Whether the dashboard responds. Raises AssertionError with the log if the process has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.address}_stcore/health", timeout=1) as response:  # noqa: S310  our own
                return bool(response.status == 200)
        except OSError:
            return False

    def gazegrid(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the same home."""
        command = [sys.executable, "-m", "workers.cli.main", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def stop(self, signal_number: int = signal.SIGINT) -> int:
        """Send the signal and wait; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal_number)
        return self.process.wait(60)


@contextmanager
def an_up(folder: Path) -> Iterator[Up]:
    """An `Up` on a free port, not started yet; killed at the end if it still runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Up(folder / "home", port)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def descendants(pid: int) -> set[int]:
    """The ids of all processes below `pid`, from /proc."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found
