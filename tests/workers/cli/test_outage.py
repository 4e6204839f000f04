"""A real Redis that goes away while a command waits for its jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from redis import Redis

from core.errors import QueueUnavailable
from core.jobs.comparison import Comparison, PictureRef
from core.jobs.spec import JobSpec
from core.media.samples import sample
from core.methods import make_method
from core.queue.connection import connect
from core.queue.queue import JobQueue, Submission
from core.settings import Settings
from core.store.store import Store, open_store
from tests.support.kept import PROVENANCE
from tests.workers.cli.test_job_run import RESULT, job
from tests.workers.conftest import state_of, wait_for
from workers.cli import grid_run, job_run, outage, training
from workers.cli.inline import run_inline
from workers.cli.training import train_queued
from workers.services.redis_server import EmbeddedRedis, find_server

TINY = "random/test_resnet"


class Server(EmbeddedRedis):
    """A Redis of one test, which it stops and starts."""

    def away(self) -> None:
        self.stop()

    def back(self, *, empty: bool = False) -> None:
        if empty:
            for file in self.folder.glob("appendonlydir/*"):
                file.unlink()
        self.__init__(self.settings, self.binary)  # type: ignore[misc]
        self.start()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    settings = Settings(home=tmp_path / "home", device="cpu", threads=1)
    (settings.home / "redis").mkdir(parents=True)
    made = Server(settings, find_server(None))
    made.start()
    monkeypatch.setattr(outage, "POLL_S", 0.02)
    monkeypatch.setattr(grid_run, "POLL_S", 0.02)
    monkeypatch.setattr(job_run, "POLL_S", 0.02)
    monkeypatch.setattr(training, "POLL_S", 0.02)
    yield made
    made.stop()


@pytest.fixture
def store(server: Server) -> Store:
    return open_store(server.settings)


@pytest.fixture
def redis(server: Server) -> Iterator[Redis]:
    with connect(server.settings) as connection:
        yield connection


@pytest.fixture
def queue(redis: Redis, server: Server) -> JobQueue:
    return JobQueue(redis, server.settings)


@pytest.fixture
def grid(store: Store) -> Comparison:
    picture = PictureRef(store.inputs.put_picture(sample("cat")), "sample:cat")
    return Comparison((picture,), (TINY,), (make_method("saliency", {}),))


class InThread:
    """A command that waits, and what it gave or raised."""

    def __init__(self, command: Callable[[], Any]) -> None:
        self.outcome: Any = None
        self._command = command
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._command()
        except QueueUnavailable as error:
            self.outcome = error

    def ended(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.outcome


class Told:
    """What was written to standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._text = capsys, ""

    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text

    def wait_for(self, words: str) -> None:
        wait_for(lambda: words in self.text(), what=words)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


@pytest.mark.parametrize("empty", [False, True], ids=["kept its jobs", "lost its jobs"])
def test_run_waits_while_redis_is_away_and_ends_well(
    server: Server, store: Store, queue: JobQueue, grid: Comparison, told: Told, empty: bool
) -> None:
    (cell,) = grid.cells()
    waiting = InThread(lambda: grid_run.run_queued(grid, store, queue))
    wait_for(lambda: state_of(queue, cell.spec.key) == "queued")
    server.away()
    told.wait_for("the job goes on, and this command waits")
    server.back(empty=empty)
    told.wait_for("Redis is back")
    wait_for(lambda: state_of(queue, cell.spec.key) == "queued")
    run_inline(grid, store)
    (report,) = waiting.ended()
    assert (report["state"], report["explained"]["selected_by"]) == ("computed", "prediction")
    assert told.text().count("this command waits") == 1


def test_an_outage_while_cells_are_submitted_costs_none_of_them(
    store: Store, queue: JobQueue, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tuple(PictureRef(store.inputs.put_picture(sample(name)), name) for name in ("cat", "coffee", "rocket"))
    grid = Comparison(pictures, (TINY,), (make_method("saliency", {}),))
    submit, submitted = queue.submit, []

    def once_away(spec: JobSpec, place: Store) -> Submission:
        submitted.append(spec.key)
        if len(submitted) == 2:
            raise QueueUnavailable("Redis cannot be reached: it restarts")
        return submit(spec, place)

    monkeypatch.setattr(queue, "submit", once_away)
    waiting = InThread(lambda: grid_run.run_queued(grid, store, queue))
    wait_for(lambda: len(submitted) == 4)
    run_inline(grid, store)
    assert [report["state"] for report in waiting.ended()] == ["computed"] * 3
    assert "Redis cannot be reached: it restarts; the job goes on, and this command waits" in told.text()


def test_an_outage_without_end_says_how_the_result_is_had_later(
    server: Server, store: Store, queue: JobQueue, grid: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = grid.cells()
    monkeypatch.setattr(outage, "MAX_OUTAGE_S", 0.1)
    waiting = InThread(lambda: grid_run.run_queued(grid, store, queue))
    wait_for(lambda: state_of(queue, cell.spec.key) == "queued")
    server.away()
    error = waiting.ended()
    assert isinstance(error, QueueUnavailable)
    assert f"gazegrid result {cell.spec.key}" in str(error)


@pytest.mark.parametrize("empty", [False, True], ids=["kept its jobs", "lost its jobs"])
@pytest.mark.parametrize("command", ["study", "train"])
def test_other_commands_that_wait_do_so_too(
    server: Server, queue: JobQueue, monkeypatch: pytest.MonkeyPatch, told: Told, command: str, empty: bool
) -> None:
    spec, store = job(1), open_store(server.settings)
    monkeypatch.setattr(job_run, "JobQueue", lambda *_: queue)
    monkeypatch.setattr(job_run, "connect", lambda _: None)
    commands: dict[str, Callable[[], Any]] = {
        "study": lambda: job_run.run_jobs([spec], store, inline=False),
        "train": lambda: train_queued(spec, store, queue),
    }
    waiting = InThread(commands[command])
    wait_for(lambda: state_of(queue, spec.key) == "queued")
    server.away()
    told.wait_for("this command waits")
    server.back(empty=empty)
    told.wait_for("Redis is back")
    wait_for(lambda: state_of(queue, spec.key) == "queued")
    store.publish(spec, RESULT, PROVENANCE)
    assert waiting.ended() is not None
    assert not isinstance(waiting.outcome, QueueUnavailable)
