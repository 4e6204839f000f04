"""A job on a loaded network against RQ's forking worker, and an empty job against RQ's simple worker."""

from __future__ import annotations

import statistics
from typing import Any

from rq import Queue
from rq.job import Job, JobStatus

from core.jobs.spec import JobSpec
from core.queue.queue import TASK
from workers.bench.row import Row, at_most
from workers.bench.sandbox import Sandbox, sandbox

STOCK_QUEUE = "stock"
WARM_TARGET = 1 / 20
EMPTY_TARGET = 2.0


def run(*, quick: bool = False) -> list[Row]:
    """Medians over jobs of both workers in turn."""
    return [_one_pass(2 if quick else 5), _empty(20 if quick else 200)]


def _one_pass(repeats: int) -> Row:
    """One step of detail search, from submission to result."""
    with sandbox() as here:
        here.start_worker(threads=1)
        here.start("-m", "rq.cli", "worker", "--serializer", "json", "--url", _url(here), STOCK_QUEUE)
        here.seconds(here.spec(steps=1, seed=0))  # loads the network
        warm, stock = [], []
        for number in range(1, repeats + 1):
            warm.append(here.seconds(here.spec(steps=1, seed=2 * number)))
            stock.append(_stock_seconds(here, here.spec(steps=1, seed=2 * number + 1)))
    ours, theirs = statistics.median(warm), statistics.median(stock)
    return at_most(
        "warm", ours / theirs, WARM_TARGET, f"{ours * 1e3:.0f} ms against {theirs * 1e3:.0f} ms forked by RQ"
    )


def _stock_seconds(here: Sandbox, spec: JobSpec) -> float:
    queue = Queue(STOCK_QUEUE, connection=here.queue.redis, serializer="json")
    return _ended(here, queue.enqueue(TASK, spec.document()))


def _ended(here: Sandbox, job: Job) -> float:
    return here.wait(lambda: job.get_status() == JobStatus.FINISHED, "RQ's job")


def _empty(repeats: int) -> Row:
    """A job that does nothing, from submission to end."""
    with sandbox() as here:
        here.start_worker(threads=1, module="workers.bench.empty_worker")
        command = [f"import sys; sys.argv[1:] = {_simple_arguments(here)!r}; from rq.cli import main; main()"]
        here.start("-c", *command)
        queue = Queue(STOCK_QUEUE, connection=here.queue.redis, serializer="json")
        warm, stock = [], []
        for seed in range(repeats):
            warm.append(_empty_seconds(here, here.spec(steps=1, seed=seed)))
            stock.append(_ended(here, queue.enqueue("workers.bench.empty_worker.nothing")))
    ours, theirs = statistics.median(warm), statistics.median(stock)
    return at_most(
        "empty", ours / theirs, EMPTY_TARGET, f"{ours * 1e3:.2f} ms against RQ's simple {theirs * 1e3:.2f} ms"
    )


def _empty_seconds(here: Sandbox, spec: JobSpec) -> float:
    here.queue.submit(spec, here.store)
    return here.wait(lambda: _finished(here.queue.states([spec.key])), "an empty job")


def _finished(jobs: dict[str, Any]) -> bool:
    return any(job.state == "finished" for job in jobs.values())


def _simple_arguments(here: Sandbox) -> list[str]:
    kind = ["--worker-class", "rq.SimpleWorker", "--serializer", "json"]
    return ["worker", *kind, "--url", _url(here), STOCK_QUEUE]


def _url(here: Sandbox) -> str:
    return f"unix://{here.settings.redis_socket}"
