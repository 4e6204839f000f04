from __future__ import annotations

from core.queue import JobQueue
from core.store import Store
from tests.workers.conftest import Stable, state_of, wait_for
from tests.workers.toy import Journal, toy_spec


def test_one_process_computes_job_after_job(stable: Stable, queue: JobQueue, store: Store, journal: Journal) -> None:
    stable.start()
    specs = [toy_spec(seed) for seed in range(20)]
    for spec in specs:
        assert queue.submit(spec, store).state == "queued"
    wait_for(lambda: all(store.has(spec.key) for spec in specs))
    assert len(journal.pids()) == 20
    assert len(set(journal.pids())) == 1
    wait_for(lambda: state_of(queue, specs[-1].key) == "finished")
