"""A store and a queue under any order of work and faults, against a model of what must be there.

The worker is in this process: each rule is one thing that a worker, a page, the reaper or a fault does.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis import Redis

from core.errors import BadInput, Damaged, Superseded
from core.jobs.spec import JobSpec
from core.queue.ledger import LIVE_STATES, Taken
from core.queue.queue import JobQueue, read_record
from core.settings import Settings
from core.store.cache import Cache
from core.store.fsck import check, repair
from core.store.gallery import add_to_gallery, delete_gallery, evict, load_gallery
from core.store.store import Store, result_folder
from tests.core.store.test_fsck import DAMAGES
from tests.support.archives import exported, imported
from tests.support.kept import NETWORKS, a_comparison, a_small_result
from workers.services.reaper import Reaper
from workers.worker.lease import Lease

JOBS = 3
AT_ONCE_S, LONG_S = 0.001, 1000.0
SETTLED_AFTER = 30
jobs = st.integers(0, JOBS - 1)
names = st.sampled_from(("Cats", "Dogs"))
chances = st.integers(0, 2**16).map(random.Random)


class AnyOrder(RuleBasedStateMachine):
    """The class attributes are set by the test; `POPPED_GRACE_S` of the reaper has to be 0."""

    redis: Redis
    settings: Settings
    base: Path

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.home = Path(tempfile.mkdtemp(dir=self.base))
        self.worker = Store(self.home / "store")
        self.page = Store(self.home / "store", Cache(self.home / "cache", 16))
        self.queue = JobQueue(self.redis, self.settings)
        self.ledger = self.queue.ledger
        self.reaper = Reaper(self.redis, self.settings)
        self.reaper.tick()
        self.reaper._leases_count_from_s = 0.0
        self.comparisons = [a_comparison(self.page, seed, 1, NETWORKS[:1]) for seed in range(JOBS)]
        self.specs = [next(comparison.cells()).spec for comparison in self.comparisons]
        self.keys = [spec.key for spec in self.specs]
        self.owed: set[str] = set()
        """Accepted, and neither computed nor ended with a reason."""
        self.stored: set[str] = set()
        self.damaged: set[str] = set()
        """Of the stored ones, those of which a file was changed."""
        self.incomplete: set[str] = set()
        """Folders whose manifest was deleted."""
        self.galleries: dict[str, set[int]] = {}
        self.archives: list[tuple[str, set[int], set[str], bytes]] = []
        self.live: list[Taken] = []
        self.frozen: list[Taken] = []

    @initialize(done=st.sets(jobs), kept=st.sets(jobs))
    def begin_with_something(self, done: set[int], kept: set[int]) -> None:
        for n in sorted(done):
            self.submit(n)
            self.work()
        for n in sorted(kept):
            self.pin(n, "Cats")
        if kept:
            self.export(random.Random(0))  # noqa: S311

    # the worker

    def take(self, lease_s: float) -> Taken | None:
        key: Any = self.redis.lmove(self.ledger.queue_key, self.ledger.popped_key)
        taken = key and self.ledger.take(key.decode(), uuid4().hex, lease_s=lease_s, worker="here")
        return taken if isinstance(taken, Taken) else None

    def compute(self, taken: Taken) -> None:
        """What the process that computes does. Raises Superseded."""
        spec = JobSpec.from_document(read_record(taken.data))
        assert spec.key == taken.key
        if self.worker.manifest(spec.key) is None:
            lease = Lease(self.ledger, taken.key, taken.token, LONG_S)
            self.worker.publish(spec, a_small_result(spec.seed), {}, lease.confirm)
            self.appeared(spec.key)
        self.owed.discard(spec.key)

    def appeared(self, key: str) -> None:
        self.stored.add(key)
        self.damaged.discard(key)
        self.incomplete.discard(key)

    @rule()
    def work(self) -> None:
        """A whole job."""
        if taken := self.take(LONG_S):
            self.compute(taken)
            assert self.ledger.finish(taken.key, taken.token)

    @rule()
    def begin(self) -> None:
        if taken := self.take(LONG_S):
            self.live.append(taken)

    @precondition(lambda self: self.live)
    @rule(chance=chances)
    def end(self, chance: random.Random) -> None:
        """A job whose lease held all the time is settled, unless it was canceled."""
        taken = self.live.pop(chance.randrange(len(self.live)))
        self.settle(taken, self.ledger.holds(taken.key, taken.token))

    def settle(self, taken: Taken, held: bool) -> None:
        try:
            before = taken.key in self.stored
            self.compute(taken)
            assert held or before
        except Superseded:
            assert not held
        assert self.ledger.finish(taken.key, taken.token) == held

    # what kills it

    @rule()
    def die_after_the_pop(self) -> None:
        self.redis.lmove(self.ledger.queue_key, self.ledger.popped_key)

    @rule()
    def freeze_after_the_lease(self) -> None:
        """As a death, but that the worker may wake up at any time."""
        if taken := self.take(AT_ONCE_S):
            self.frozen.append(taken)

    @rule()
    def freeze_before_the_acknowledgement(self) -> None:
        if taken := self.take(AT_ONCE_S):
            self.compute(taken)
            self.frozen.append(taken)

    @precondition(lambda self: self.frozen)
    @rule(chance=chances)
    def wake(self, chance: random.Random) -> None:
        taken = self.frozen.pop(chance.randrange(len(self.frozen)))
        self.settle(taken, self.ledger.holds(taken.key, taken.token))

    @rule()
    def reap(self) -> None:
        time.sleep(2 * AT_ONCE_S)
        self.reaper._next_sweep_s = AT_ONCE_S
        self.reaper.tick()
        time.sleep(AT_ONCE_S)
        self.reaper.tick()
        assert self.ledger.expired() == []
        assert self.redis.llen(self.ledger.popped_key) == 0
        for key, job in self.queue.states(self.owed).items():
            if job.state == "failed":
                assert (job.error_code, job.attempts) in (("worker_lost", 3), ("damaged", 0))
                self.owed.discard(key)

    # the page

    @rule(n=jobs)
    def submit(self, n: int) -> None:
        key = self.keys[n]
        answer = self.queue.submit(self.specs[n], self.page)
        if key not in self.damaged:
            assert (answer.state == "cached") == (key in self.stored)
        if answer.state != "cached":
            self.owed.add(key)

    @rule(n=jobs)
    def cancel(self, n: int) -> None:
        if self.queue.cancel(self.keys[n]) in LIVE_STATES:
            self.owed.discard(self.keys[n])

    @rule(n=jobs)
    def retry(self, n: int) -> None:
        before = self.queue.states([self.keys[n]]).get(self.keys[n])
        try:
            state = self.queue.retry(self.keys[n])
        except BadInput:
            assert before is None or before.error_code == "damaged"
            return
        assert before is not None
        if before.state in ("failed", "canceled"):
            assert state == "queued"
            self.owed.add(self.keys[n])

    @rule()
    def read_all(self) -> None:
        """A result is what was published, or there is none, or its damage is said: never another."""
        for n in range(JOBS):
            self.read(n)

    def read(self, n: int) -> None:
        try:
            result = self.page.result(self.keys[n])
        except Damaged:
            assert self.keys[n] in self.damaged
            return
        if result is None:
            assert self.keys[n] not in self.stored - self.damaged
            return
        wanted = a_small_result(n).items
        assert {name: item.files() for name, item in result.items.items()} == {
            name: item.files() for name, item in wanted.items()
        }

    @rule(n=jobs, name=names)
    def pin(self, n: int, name: str) -> None:
        add_to_gallery(self.page, name, self.comparisons[n].key)
        self.galleries.setdefault(name, set()).add(n)

    @precondition(lambda self: self.galleries)
    @rule(chance=chances)
    def unpin(self, chance: random.Random) -> None:
        name = chance.choice(sorted(self.galleries))
        delete_gallery(self.page, self.gallery_id(name))
        del self.galleries[name]

    @precondition(lambda self: self.galleries)
    @rule(chance=chances)
    def export(self, chance: random.Random) -> None:
        name = chance.choice(sorted(self.galleries))
        kept = {self.keys[n] for n in self.galleries[name]} & self.stored
        try:
            content = exported(self.page, load_gallery(self.page, self.gallery_id(name)))
        except Damaged:
            assert kept & self.damaged
            return
        sound = {key for key in kept if self.page.has(key)}
        assert sound >= kept - self.damaged
        self.archives.append((name, set(self.galleries[name]), sound, content))

    @precondition(lambda self: self.archives)
    @rule(chance=chances)
    def take_in(self, chance: random.Random) -> None:
        name, entries, keys, content = chance.choice(self.archives)
        gallery = imported(self.page, content)
        self.galleries.setdefault(name, set()).update(entries)
        assert {entry.comparison for entry in gallery.entries} == {
            self.comparisons[n].key for n in self.galleries[name]
        }
        for key in keys - self.stored:
            self.appeared(key)

    @precondition(lambda self: self.archives)
    @rule(chance=chances)
    def take_in_what_was_cut_short(self, chance: random.Random) -> None:
        *_, content = chance.choice(self.archives)
        before = self.files()
        try:
            imported(self.page, content[: chance.randrange(len(content))])
        except (BadInput, Damaged):
            assert self.files() == before
        else:
            raise AssertionError("a zip that was cut short was taken in")

    # the disk

    @precondition(lambda self: self.stored - self.damaged)
    @rule(how=st.sampled_from(sorted(DAMAGES)), chance=chances)
    def damage(self, how: str, chance: random.Random) -> None:
        key = chance.choice(sorted(self.stored - self.damaged))
        file = chance.choice(sorted((self.home / "store" / result_folder(key)).iterdir()))
        DAMAGES[how](file, chance)
        self.damaged.add(key)
        if not self.worker.has(key):
            self.incomplete.add(key)

    @rule(n=jobs)
    def damage_the_record(self, n: int) -> None:
        if self.keys[n] in self.queue.states([self.keys[n]]):
            self.redis.hset(f"rq:job:{self.keys[n]}", "status", b"\xff")
            self.owed.discard(self.keys[n])  # it ends as damaged, or is asked for anew

    @rule(limit=st.sampled_from((0, 1, 2500)))
    def evict(self, limit: int) -> None:
        pinned = {self.keys[n] for entries in self.galleries.values() for n in entries}
        gone = set(evict(self.worker, limit))
        assert not gone & pinned
        if limit == 0:
            assert set(self.worker.result_keys()) <= pinned
        for those in (self.stored, self.damaged, self.incomplete):
            those.difference_update(gone)

    @rule(mend=st.booleans())
    def fsck(self, mend: bool) -> None:
        assert {problem.name for problem in check(self.worker)} == self.damaged | self.incomplete
        if mend:
            repair(self.worker)
            assert list(check(self.worker)) == []
            self.incomplete.clear()

    # what holds at any time

    @invariant()
    def what_was_stored_is_there(self) -> None:
        gone = {key for key in self.stored if not self.worker.has(key)}
        assert gone <= self.damaged
        self.stored -= gone
        self.damaged -= gone

    @invariant()
    def no_accepted_job_is_lost(self) -> None:
        states = self.queue.states(self.owed)
        for key in self.owed - self.stored:
            assert key in states
            assert states[key].state in LIVE_STATES or states[key].error_code == "worker_lost"

    @invariant()
    def a_key_waits_once_and_runs_once(self) -> None:
        waiting = self.redis.lrange(self.ledger.queue_key, 0, -1) + self.redis.lrange(self.ledger.popped_key, 0, -1)
        holders = [taken.key for taken in self.live + self.frozen if self.ledger.holds(taken.key, taken.token)]
        assert len(set(waiting)) == len(waiting)
        assert len(set(holders)) == len(holders)

    def teardown(self) -> None:
        """When the faults stop, everything that is owed comes about."""
        try:
            while self.live:
                self.end(random.Random(0))  # noqa: S311
            for _ in range(SETTLED_AFTER):
                self.reap()
                self.work()
            assert self.queue.counts()["queued"] == self.queue.counts()["started"] == 0
            assert self.owed <= self.stored
            self.what_was_stored_is_there()
            self.fsck(mend=False)
            self.read_all()
        finally:
            shutil.rmtree(self.home)

    # looking

    def gallery_id(self, name: str) -> str:
        return next(g.removesuffix(".json") for g in self.page.shelf.names("galleries") if self.named(g) == name)

    def named(self, file: str) -> str:
        return load_gallery(self.page, file.removesuffix(".json")).name

    def files(self) -> dict[str, bytes]:
        root = self.home / "store"
        return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}
