from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis import Redis

from core.jobs.comparison import Comparison
from core.methods import make_method
from core.queue.grid import read_grid, submit_grid
from core.queue.ledger import Taken
from core.queue.queue import JobQueue, open_queue
from core.settings import Settings
from core.store.store import Store, open_store
from tests.support.kept import PROVENANCE, a_comparison, a_small_result, fill, undefine


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def queue(redis: Redis, settings: Settings) -> JobQueue:
    return JobQueue(redis, settings)


def standings(store: Store, queue: JobQueue, **given: object) -> list[str]:
    return [state.status for state in read_grid(a_comparison(store, **given), store, queue).cells]


def start(queue: JobQueue) -> Taken:
    """Do what a worker does to the next job."""
    key = queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key).decode()
    taken = queue.ledger.take(key, "token", lease_s=30, worker="worker")
    assert isinstance(taken, Taken)
    return taken


def test_cells_that_were_never_submitted_are_absent(store: Store, queue: JobQueue) -> None:
    assert standings(store, queue) == ["absent"] * 4
    assert not read_grid(a_comparison(store), store, queue).live


def test_each_cell_has_the_state_of_its_job(store: Store, queue: JobQueue) -> None:
    comparison = a_comparison(store)
    specs = [cell.spec for cell in comparison.cells()]
    store.publish(specs[3], a_small_result(), PROVENANCE)
    assert [cell.state for cell in submit_grid(comparison, store, queue)] == ["queued"] * 3 + ["cached"]
    failed, _started = start(queue), start(queue)
    queue.ledger.fail(failed.key, "token", code="x", sentence="why", trace="", ttl_s=60)
    grid = read_grid(comparison, store, queue)
    assert [state.status for state in grid.cells] == ["failed", "started", "queued", "done"]
    assert grid.cells[0].job.error == "why"
    assert grid.cells[3].manifest.metrics == {"edge_energy": pytest.approx(a_small_result().metrics["edge_energy"])}
    assert grid.live


def test_asking_again_is_free(store: Store, queue: JobQueue) -> None:
    comparison = a_comparison(store)
    for _ in range(3):
        submit_grid(comparison, store, queue)
    assert queue.counts()["queued"] == 4
    assert [key for key, _ in store.comparisons()] == [comparison.key]


def test_an_undefined_cell_is_never_submitted(store: Store, queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    undefine(monkeypatch, "vit", "no convolution")
    submissions = submit_grid(a_comparison(store), store, queue)
    assert [submission is None for submission in submissions] == [False, True, False, True]
    assert standings(store, queue) == ["queued", "undefined"] * 2


def test_a_result_whose_job_just_finished_is_done(store: Store, queue: JobQueue) -> None:
    comparison = a_comparison(store, pictures=1)
    submit_grid(comparison, store, queue)
    job = start(queue)
    fill(store, comparison)
    queue.ledger.finish(job.key, job.token)
    assert [state.status for state in read_grid(comparison, store, queue).cells] == ["done", "done"]


def test_a_finished_job_whose_result_was_evicted_is_absent(store: Store, queue: JobQueue) -> None:
    comparison = a_comparison(store, pictures=1)
    submit_grid(comparison, store, queue)
    job = start(queue)
    queue.ledger.finish(job.key, job.token)
    assert read_grid(comparison, store, queue).cells[0].status == "absent"


def test_while_redis_is_away_stored_cells_are_done_and_others_unknown(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    comparison = a_comparison(store)
    store.publish(next(comparison.cells()).spec, a_small_result(), PROVENANCE)
    away = settings.model_copy(update={"redis_url": None, "home": tmp_path / "nowhere"})
    begun = time.monotonic()
    grid = read_grid(comparison, store, open_queue(away))
    assert time.monotonic() - begun < 3
    assert [state.status for state in grid.cells] == ["done", "unknown", "unknown", "unknown"]
    assert "Redis cannot be reached" in grid.queue_fault
    assert grid.live, "a page that looked on sees it come back"


def test_rows_are_pictures(store: Store, queue: JobQueue) -> None:
    grid = read_grid(a_comparison(store, pictures=3), store, queue)
    assert [[state.cell.picture.name for state in row] for row in grid.rows()] == [
        [f"picture {index}"] * 2 for index in range(3)
    ]


def test_several_methods_have_one_row_each_for_every_picture(store: Store, queue: JobQueue) -> None:
    one = a_comparison(store)
    methods = (make_method("fixation", {}), make_method("saliency", {}))
    grid = read_grid(Comparison(one.pictures, one.networks, methods), store, queue)
    rows = [[(state.cell.picture.name, state.cell.method.name) for state in row] for row in grid.rows()]
    assert rows == [[(f"picture {index}", method.name)] * 2 for index in range(2) for method in methods]


def test_a_cached_grid_of_100_cells_reads_no_result_and_sends_redis_nothing(
    store: Store, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = a_comparison(store, pictures=50)
    fill(store, comparison)
    monkeypatch.setattr(Store, "read", refused)
    monkeypatch.setattr(JobQueue, "states", refused)
    assert {state.status for state in read_grid(comparison, store, queue).cells} == {"done"}


def refused(*_: object) -> None:
    """What need not be asked."""
    raise AssertionError


def test_what_a_running_method_finds_undefined_is_no_failure(store: Store, queue: JobQueue) -> None:
    comparison = a_comparison(store)
    submit_grid(comparison, store, queue)
    queue.ledger.fail(start(queue).key, "token", code="undefined", sentence="no attention here", trace="", ttl_s=60)
    first = read_grid(comparison, store, queue).cells[0]
    assert (first.status, first.undefined) == ("undefined", "no attention here")
