"""Workers and reapers that kill themselves at named points of a job's life, once for each marked job.

    python -m tests.workers.crashing worker|reaper

The points are put in here, from outside: nothing in the code under test knows of them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import core.store.shelf
from core.queue.ledger import Ledger
from core.settings import Settings, get_settings
from core.store.manifest import FILE_NAME
from core.store.shelf import FolderShelf
from tests.workers.toy import Journal, ToyRunner
from workers.services import reaper
from workers.worker.child import Outcome
from workers.worker.lease import Lease
from workers.worker.logs import configure_logs
from workers.worker.parent import WarmWorker

RUNNER = "tests.workers.crashing.CrashingRunner"
WORKER_POINTS = ("after the pop", "after the lease", "before the acknowledgement", "after the acknowledgement")
HORSE_POINTS = (
    *("in a file", "before the manifest", "in the manifest", "before the rename", "after the rename"),
    "before the outcome",
)
REAPER_POINTS = {
    "before the reaper puts it back": "after the pop",
    "after the reaper put it back": "after the pop",
    "before the reaper recovers it": "after the lease",
    "after the reaper recovered it": "after the lease",
}
"""Points of the reaper -> the crash of a worker that makes the reaper act."""
POINTS = (*WORKER_POINTS, *HORSE_POINTS, *REAPER_POINTS)


class Marks:
    """Marks of jobs that crash their process at a point; a mark is removed when it takes effect."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "crashes"
        self.journal = Journal(home)

    def put(self, point: str, key: str) -> None:
        """Let the next process that reaches `point` with this job die."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for each in (point, REAPER_POINTS.get(point)):
            if each is not None:
                (self.folder / f"{each}-{key}").touch()

    def left(self) -> list[str]:
        """Marks without effect so far."""
        return sorted(mark.name for mark in self.folder.iterdir())

    def meet(self, point: str, key: str) -> None:
        """Die if the job is marked for this point."""
        try:
            (self.folder / f"{point}-{key}").unlink()
        except FileNotFoundError:
            return
        self.journal.note("crash", key)
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, before: Callable[..., None] | None, after: Callable[..., None] | None) -> None:
    """Wrap owner.name, so that `before` and `after` are called with its arguments."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if before is not None:
            before(*arguments)
        answer = original(*arguments, **options)
        if after is not None:
            after(*arguments)
        return answer

    setattr(owner, name, staticmethod(wrapped) if isinstance(owner.__dict__[name], staticmethod) else wrapped)


def mark_ledger(marks: Marks, step: str, before: str, after: str) -> None:
    """Add a point before and a point after a step of the ledger."""

    def meets(point: str) -> Callable[..., None]:
        return lambda _ledger, key, *_: marks.meet(point, key)

    around(Ledger, step, meets(before), meets(after))


class CrashingRunner(ToyRunner):
    """Runs toys, with points in files and before the outcome."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.marks = Marks(settings.home)
        self.key = ""
        around(core.store.shelf, "_write_synced", self._before_a_file, None)
        around(FolderShelf, "_rename_new", self._meets("before the rename"), self._meets("after the rename"))

    def __call__(self, document: Mapping[str, Any], lease: Lease) -> Outcome:
        self.key = lease.key
        outcome = super().__call__(document, lease)
        self.marks.meet("before the outcome", lease.key)
        return outcome

    def _meets(self, point: str) -> Callable[..., None]:
        return lambda *_: self.marks.meet(point, self.key)

    def _before_a_file(self, path: Path, content: bytes) -> None:
        if path.name == FILE_NAME:
            self.marks.meet("before the manifest", self.key)
        point = "in the manifest" if path.name == FILE_NAME else "in a file"
        if (self.marks.folder / f"{point}-{self.key}").exists():
            path.write_bytes(content[: len(content) // 2])
            self.marks.meet(point, self.key)


def run_worker(settings: Settings) -> None:
    """Run a worker and a horse that die at their points."""
    marks = Marks(settings.home)
    mark_ledger(marks, "take", "after the pop", "after the lease")
    mark_ledger(marks, "finish", "before the acknowledgement", "after the acknowledgement")
    WarmWorker(settings, runner=RUNNER).work(logging_level="WARNING")


def run_reaper(settings: Settings) -> None:
    """Run a reaper that dies at its points."""
    marks = Marks(settings.home)
    mark_ledger(marks, "reseat", "before the reaper puts it back", "after the reaper put it back")
    mark_ledger(marks, "recover", "before the reaper recovers it", "after the reaper recovered it")
    reaper.main()


def main(kind: str) -> None:
    """Run a process of this kind."""
    configure_logs(os.environ.get("TOY_LOG", "warning"))
    {"worker": run_worker, "reaper": run_reaper}[kind](get_settings())


if __name__ == "__main__":
    main(sys.argv[1])
