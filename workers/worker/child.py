"""The child process that computes jobs, RQ's work horse: it keeps its networks between jobs and is replaced if it dies.

The parent, which never loads torch, sends it jobs over a pipe, one at a time and as JSON, and receives an outcome for
each. The child leads its own process group, so that a kill includes its descendants, and it dies with its parent.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol, cast

from core.queue.connection import connect
from core.queue.ledger import Ledger
from core.settings import Settings
from workers.worker.lease import Lease
from workers.worker.logs import configure_logs
from workers.worker.parent_death import end_with_parent

STOP_TIMEOUT_S = 5.0
POLL_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `superseded`: another execution has its lease, nothing was published."""

    state: Literal["finished", "failed", "superseded"]
    code: str = ""
    sentence: str = ""
    trace: str = ""
    spoiled: bool = False
    """The process must be replaced: its device is in an error state or out of memory"""
    networks: tuple[str, ...] = ()
    """Names of the networks that are loaded"""


class Runner(Protocol):
    """What a horse runs; created once from the settings, when the process starts."""

    device: str

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:
        """Compute one job. An exception is a bug of the runner; the job fails, and the process is replaced."""


class HorseDied(Exception):
    """The horse's process has ended; `str()` says how."""


class Horse:
    """The parent's handle of the child process."""

    def __init__(self, settings: Settings, task: str) -> None:
        """`task` is the dotted path of the Runner's class."""
        context = get_context("spawn")
        self._pipe, child_end = context.Pipe()
        arguments = (child_end, settings, task, os.getpid())
        self._process = context.Process(target=run_horse, args=arguments, name="horse")
        self._process.start()
        child_end.close()
        self.pid = cast(int, self._process.pid)
        self.device: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Whether it can take its first job. Raises HorseDied."""
        if self.device is None and (greeting := self._receive(timeout_s)) is not None:
            self.device = str(greeting["device"])
        return self.device is not None

    def send(self, key: str, token: str, document: Mapping[str, Any]) -> None:
        """Send it a job."""
        with suppress(BrokenPipeError):  # it died: the next `outcome` raises
            self._pipe.send_bytes(json.dumps({"key": key, "token": token, "document": document}).encode())

    def outcome(self, timeout_s: float) -> Outcome | None:
        """The job's outcome, or None if it still runs after the timeout. Raises HorseDied."""
        message = self._receive(timeout_s)
        return None if message is None else Outcome(**(message | {"networks": tuple(message["networks"])}))

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        ready = wait([self._pipe, self._process.sentinel], timeout_s)
        if self._pipe in ready or self._pipe.poll():
            with suppress(EOFError, ConnectionResetError):
                return cast(dict[str, Any], json.loads(self._pipe.recv_bytes()))
        if ready or not self._process.is_alive():
            self._process.join(STOP_TIMEOUT_S)  # its pipes close shortly before its status is known
            raise HorseDied(_how_it_ended(self._process.exitcode))
        return None

    def kill(self) -> None:
        """Kill it and its descendants."""
        for kill, target in ((os.killpg, self.pid), (os.kill, self.pid)):  # it may not lead its process group yet
            with suppress(ProcessLookupError, PermissionError):
                kill(target, signal.SIGKILL)

    def close(self) -> None:
        """Kill it and wait until it has ended. What it published stays."""
        self._pipe.close()
        self.kill()
        self._process.join()
        self._process.close()


def _how_it_ended(status: int | None) -> str:
    if status is None or status >= 0:
        return f"its process ended with status {status}"
    name = signal.Signals(-status).name
    return f"its process was killed by {name}" + (", possibly for lack of memory" if name == "SIGKILL" else "")


def run_horse(pipe: Connection, settings: Settings, task: str, parent: int) -> None:
    """The child's main function: compute jobs until the pipe closes."""
    _follow_parent(parent)
    configure_logs(settings.log_level)
    runner = _load(task)(settings)
    ledger = Ledger(connect(settings), settings.queue)
    pipe.send_bytes(json.dumps({"device": runner.device}).encode())
    with suppress(EOFError, BrokenPipeError):
        while True:
            job = json.loads(pipe.recv_bytes())
            outcome = _run(runner, job, Lease(ledger, job["key"], job["token"], settings.lease_s))
            pipe.send_bytes(json.dumps(asdict(outcome)).encode())
            if outcome.spoiled:
                return


def _run(runner: Runner, job: Mapping[str, Any], lease: Lease) -> Outcome:
    try:
        return runner(job["document"], lease)
    except Exception as error:  # noqa: BLE001  the job fails with the trace, and the process is replaced
        sentence = f"the worker could not run this job ({type(error).__name__})"
        return Outcome("failed", "computation_failed", sentence, traceback.format_exc(), spoiled=True)


def _load(task: str) -> Callable[[Settings], Runner]:
    module, _, name = task.rpartition(".")
    return cast(Callable[[Settings], Runner], getattr(import_module(module), name))


def _follow_parent(parent: int) -> None:
    """Lead a process group, and end with the parent."""
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    threading.Thread(target=_end_without_parent, args=(parent,), daemon=True).start()


def _end_without_parent(parent: int) -> None:
    """End with the parent on systems without a parent-death signal."""
    if (owner := parent_process()) is not None:
        owner.join()
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.killpg(0, signal.SIGKILL)
