"""Jobs under random kills, and a checker of the outcome.

    python -m tests.workers.soak --jobs 1000 --kills 200 --seed 1

Exit status 1 where a promise was broken. The seed is printed; the same seed makes the same jobs and the same choices.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

from core.errors import Damaged
from core.jobs.spec import JobSpec
from core.queue.connection import connect
from core.queue.ledger import DEAD_STATES
from core.queue.queue import JobQueue
from core.settings import REPOSITORY, Settings
from core.store.store import Store, open_store
from tests.workers.conftest import environment, is_there, kill
from tests.workers.toy import Journal, toy_spec
from workers.services.redis_server import embedded_redis

LATE_S = 30.0
"""P2: time after the last fault within which every job ends."""


@dataclass(frozen=True)
class Plan:
    """Parameters of a run."""

    jobs: int
    kills: int
    seed: int
    workers: int = 3
    worker: str = "tests.workers.toy"
    """Module of the workers"""
    reaper: bool = True
    patience_s: float = LATE_S
    """Longest allowed time without an ended job after the last kill, in seconds"""


@dataclass
class Report:
    """The outcome of a run. All lists are keys; `recovered` is no fault."""

    lost: list[str] = field(default_factory=list)
    """Accepted, but without result"""
    unexpected: list[str] = field(default_factory=list)
    """With a result, but never submitted"""
    duplicated: list[str] = field(default_factory=list)
    """Published twice by processes that were not killed"""
    overlapping: list[str] = field(default_factory=list)
    """Computed by two processes at the same time"""
    bad: list[str] = field(default_factory=list)
    """With a result that is damaged or of another job"""
    unsettled: list[str] = field(default_factory=list)
    """With a result, but not finished in Redis"""
    recovered: int = 0
    kills: int = 0
    slowest_s: float = 0.0
    """The longest time after the last kill in which no job ended."""

    @property
    def faults(self) -> dict[str, object]:
        """The faults; empty if every promise is kept."""
        found: dict[str, object] = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if isinstance(getattr(self, entry.name), list) and getattr(self, entry.name)
        }
        return found | ({"late": self.slowest_s} if self.slowest_s > LATE_S else {})


class Nanny:
    """Keeps `count` processes of a module alive, each with the same arguments."""

    def __init__(self, settings: Settings, count: int, module: str, *arguments: str) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.environment = os.environ | environment(settings)
        self.command = [sys.executable, "-m", module, *arguments]
        self.log = settings.home / f"{module}.log"
        self.processes = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command, cwd=REPOSITORY, env=self.environment, stdout=log, stderr=log)

    def revive(self) -> None:
        """Restart processes that have ended."""
        self.processes = [self._start() if p.poll() is not None else p for p in self.processes]

    def stop(self) -> None:
        """Kill all processes."""
        for process in self.processes:
            process.kill()
            process.wait()


def horses(worker: int) -> list[int]:
    """The child processes of a worker."""
    try:
        children = Path(f"/proc/{worker}/task/{worker}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in children.split() if b"resource_tracker" not in command_of(int(pid))]


def command_of(pid: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Killer:
    """Kills workers, horses and reapers, and records their times of death."""

    def __init__(self, chance: random.Random, workers: Nanny, reapers: Nanny, journal: Journal) -> None:
        self.chance, self.workers, self.reapers, self.journal = chance, workers, reapers, journal
        self.deaths: dict[int, float] = {}
        self.kills = 0

    def strike(self, pending: Callable[[], bool], patience_s: float) -> None:
        """One kill -9: of a horse (7 in 10), a worker (2) or a reaper (1), preferably of one with a job.

        It waits at most `patience_s` for one, and not at all where no job is `pending`.
        """
        what = self.chance.choices(("horse", "worker", "reaper"), (7, 2, 1))[0]
        if what == "reaper" and self.reapers.processes:
            kill(self.reapers.processes[0].pid)
            self.kills += 1
            return
        deadline = time.monotonic() + (patience_s if self.chance.random() < 0.8 else 0.0)
        while not (busy := self._busy()) and time.monotonic() < deadline and pending():
            time.sleep(0.02)
        time.sleep(self.chance.uniform(0.0, 0.2))
        worker = self.chance.choice(busy or [process.pid for process in self.workers.processes])
        dying = horses(worker)
        if what == "horse" and not dying:
            return
        kill(dying[0] if what == "horse" else worker)
        self.kills += 1
        self._wait_for(dying)

    def _busy(self) -> list[int]:
        """The workers whose horse has a job."""
        last = {pid: event for _, event, _, pid in self.journal.read()}
        return [p.pid for p in self.workers.processes if any(last.get(pid) == "start" for pid in horses(p.pid))]

    def _wait_for(self, dying: Iterable[int]) -> None:
        for pid in dying:
            while is_there(pid):
                time.sleep(0.001)
            self.deaths[pid] = time.time()


def run(plan: Plan, settings: Settings) -> Report:
    """Submit, kill, wait, check. The queue of `settings` must be empty."""
    chance = random.Random(plan.seed)  # noqa: S311  to be replayed
    store = open_store(settings)
    specs = {spec.key: spec for spec in (_job(plan, chance, n) for n in range(plan.jobs))}
    workers = Nanny(settings, plan.workers, plan.worker)
    reapers = Nanny(settings, int(plan.reaper), "workers.services.reaper")
    killer = Killer(chance, workers, reapers, Journal(settings.home))
    try:
        with connect(settings) as redis:
            queue = JobQueue(redis, settings)
            _harass(plan, queue, store, list(specs.values()), killer)
            slowest_s = _settle(plan, queue, store, list(specs), killer)
            report = check(specs, store, queue, Journal(settings.home), killer.deaths)
    finally:
        workers.stop()
        reapers.stop()
    report.kills, report.slowest_s = killer.kills, slowest_s
    return report


def _job(plan: Plan, chance: random.Random, number: int) -> JobSpec:
    return toy_spec(plan.seed * 1_000_000 + number, seconds=round(chance.uniform(0.01, 0.5), 3))


def _harass(plan: Plan, queue: JobQueue, store: Store, specs: list[JobSpec], killer: Killer) -> None:
    """Submit in batches, every third job twice, and kill in between."""
    portion = 1 + 2 * plan.jobs // max(1, plan.kills)
    waiting = list(specs)
    while waiting or killer.kills < plan.kills:
        for spec in waiting[:portion]:
            queue.submit(spec, store)
            if killer.chance.random() < 0.3:
                queue.submit(spec, store)
        del waiting[:portion]
        _revive(killer)
        if killer.kills < plan.kills:
            killer.strike(lambda: _pending(queue, specs), plan.patience_s)
        time.sleep(killer.chance.uniform(0.0, 0.2))


def _pending(queue: JobQueue, specs: Iterable[JobSpec]) -> bool:
    """Whether a submitted job has not ended."""
    return any(job.state not in DEAD_STATES for job in queue.states([spec.key for spec in specs]).values())


def _settle(plan: Plan, queue: JobQueue, store: Store, keys: list[str], killer: Killer) -> float:
    ended, progressed_s, slowest_s = 0, time.monotonic(), 0.0
    while ended < len(keys) and slowest_s <= plan.patience_s:
        _revive(killer)
        states = queue.states(keys)
        now = sum(states[key].state == "finished" if key in states else store.has(key) for key in keys)
        if now > ended:
            ended, progressed_s = now, time.monotonic()
        slowest_s = max(slowest_s, time.monotonic() - progressed_s)
        time.sleep(0.1)
    return slowest_s


def _revive(killer: Killer) -> None:
    killer.workers.revive()
    killer.reapers.revive()


def check(
    specs: Mapping[str, JobSpec], store: Store, queue: JobQueue, journal: Journal, deaths: Mapping[int, float]
) -> Report:
    """Compare submitted jobs with store, Redis, and the journal of executions."""
    report = Report()
    stored = set(store.result_keys())
    report.lost = sorted(set(specs) - stored)
    report.unexpected = sorted(stored - set(specs))
    report.bad = [key for key in stored & set(specs) if not _is_sound(store, specs[key])]
    states = queue.states(specs)
    report.unsettled = [key for key, job in states.items() if job.state != "finished" and key in stored]
    report.recovered = sum(job.attempts > 1 for job in states.values())
    events = defaultdict(list)
    for at, event, key, pid in journal.read():
        events[key].append((at, event, pid))
    report.duplicated = [key for key, of in events.items() if _publications(of, deaths) > 1]
    report.overlapping = [key for key, of in events.items() if _overlaps(of, deaths)]
    return report


def _is_sound(store: Store, spec: JobSpec) -> bool:
    try:
        result = store.result(spec.key)
    except Damaged:
        return False
    return result is not None and result.metrics == {"seed": spec.seed}


def _publications(events: list[tuple[float, str, int]], deaths: Mapping[int, float]) -> int:
    """Number of publications by processes that were not killed meanwhile."""
    done = {pid for _, event, pid in events if event == "published"}
    return sum(pid in done or pid not in deaths for _, event, pid in events if event == "publish")


def _overlaps(events: list[tuple[float, str, int]], deaths: Mapping[int, float]) -> bool:
    """Whether a process started before its predecessor had published, given up, or died."""
    starts = sorted((at, pid) for at, event, pid in events if event == "start")
    for (_, earlier), (at, _) in pairwise(starts):
        ends = [when for when, event, pid in events if pid == earlier and event != "start" and when <= at]
        if not ends and deaths.get(earlier, float("inf")) > at:
            return True
    return False


def main() -> int:
    """A run with its own Redis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1000))
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--no-reaper", action="store_true", help="Show that the checker bites")
    given = parser.parse_args()
    plan = Plan(given.jobs, given.kills, given.seed, given.workers, reaper=not given.no_reaper)
    sys.stdout.write(f"{plan}\n")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), lease_s=1.0, reaper_tick_s=0.2, max_attempts=50, threads=1)
        with embedded_redis(settings):
            started = time.monotonic()
            report = run(plan, settings)
    sys.stdout.write(f"{time.monotonic() - started:.0f} s, {report.kills} kills, {report.recovered} recovered, ")
    faults = {name: fault[:3] if isinstance(fault, list) else fault for name, fault in report.faults.items()}
    sys.stdout.write(f"a job ended at least every {report.slowest_s:.1f} s; faults: {faults or 'none'}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
