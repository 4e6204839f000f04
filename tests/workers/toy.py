"""A method without network that sleeps, fails or dies according to its parameters, and a worker that runs it.

python -m tests.workers.toy
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import ComputationFailed, Superseded
from core.items import Map, Result, Scalar
from core.jobs.spec import JobSpec
from core.method_base.method import Method, Needs, Output, parameter
from core.settings import Settings, get_settings
from core.store.store import open_store
from workers.worker.child import Outcome
from workers.worker.lease import Lease, LeasedContext
from workers.worker.logs import configure_logs
from workers.worker.parent import WarmWorker

RUNNER = "tests.workers.toy.ToyRunner"


class Toy(Method):
    """Sleeps, then returns its seed."""

    title = "Toy"
    summary = "Nothing is looked at."
    source = "none"
    family = "inspection"
    version = 1
    outputs = (Output("seed", "scalar", "The seed."),)
    needs = Needs(pictures=0, network=False)

    seconds: float = parameter(0.0, "How long it takes", unit="s", ge=0, le=600)
    fault: Literal["none", "fail", "raise", "exit", "die with parent", "spoil"] = parameter("none", "How it ends")


def toy_spec(seed: int = 0, **parameters: Any) -> JobSpec:
    """A job; its key depends on the seed."""
    return JobSpec(Toy(**parameters), (), None, seed)


def toy_result(seed: int) -> Result:
    """A scalar with the seed, and a file of some size."""
    values = np.random.default_rng(seed).random((64, 64), np.float32)
    return Result({"seed": Scalar(value=seed), "noise": Map(values=values)})


class ToyRunner:
    """Runs toys, and writes starts and publications to the journal of the home."""

    device = "toy"

    def __init__(self, settings: Settings) -> None:
        self.store = open_store(settings)
        self.journal = Journal(settings.home)

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:
        spec = JobSpec(Toy(**document["method"]["parameters"]), (), None, document["seed"])
        if self.store.manifest(spec.key) is not None:
            return Outcome("finished", networks=("toy/network",))
        self.journal.note("start", spec.key)
        try:
            return self._run(spec, lease)
        except Superseded:
            self.journal.note("superseded", spec.key)
            return Outcome("superseded")

    def _run(self, spec: JobSpec, lease: Lease) -> Outcome:
        toy = spec.method
        assert isinstance(toy, Toy)
        context = LeasedContext(spec.seed, lease)
        ends_s = time.monotonic() + toy.seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            context.report(int(100 * (1 - left_s / toy.seconds)), 100, {"left": left_s})
            time.sleep(min(0.05, left_s))
        if toy.fault != "none":
            return self._fault(toy.fault)

        def allowed() -> None:
            lease.confirm()
            self.journal.note("publish", spec.key)

        self.store.publish(spec, toy_result(spec.seed), {"pid": os.getpid()}, allowed)
        self.journal.note("published", spec.key)
        return Outcome("finished", networks=("toy/network",))

    @staticmethod
    def _fault(fault: str) -> Outcome:
        if fault == "fail":
            return Outcome("failed", ComputationFailed.code, "the toy was told to fail", "where")
        if fault == "spoil":
            return Outcome("failed", ComputationFailed.code, "the toy is out of memory", spoiled=True)
        if fault == "exit":
            os._exit(3)
        if fault == "die with parent":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        raise ValueError("the toy was told to raise")


class Journal:
    """A log of executions, one line `time event key pid` per event, complete under any kill."""

    def __init__(self, home: Path) -> None:
        self.file = home / "journal"

    def note(self, event: str, key: str) -> None:
        """Append a line, in one write."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as opened:
            opened.write(f"{time.time():.6f} {event} {key} {os.getpid()}\n")

    def read(self) -> list[tuple[float, str, str, int]]:
        """(time, event, key, pid) of all lines."""
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        parts = (line.split() for line in lines)
        return [(float(at), event, key, int(pid)) for at, event, key, pid in parts]

    def pids(self, event: str = "publish") -> list[int]:
        """The ids of the processes that noted this event."""
        return [pid for _, noted, _, pid in self.read() if noted == event]

    def count(self, event: str, key: str) -> int:
        """Number of these events of the job."""
        return sum(noted == event and of == key for _, noted, of, _ in self.read())


if __name__ == "__main__":
    configure_logs(os.environ.get("TOY_LOG", "warning"))
    WarmWorker(get_settings(), runner=RUNNER, grace_s=float(os.environ.get("TOY_GRACE_S", "10"))).work(
        logging_level="WARNING"
    )
