from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs.spec import JobSpec
from core.methods import make_method
from core.queue.grid import submit_grid
from core.queue.ledger import Taken
from core.queue.queue import JobQueue
from core.settings import Settings
from core.store.store import Store
from dashboard.session import get_queue
from tests.dashboard.conftest import use
from tests.support.kept import a_comparison
from tests.support.opened import opened, press, texts


@pytest.fixture
def queue(store: Store) -> JobQueue:
    """The page's queue, with the four cells of a comparison waiting."""
    submit_grid(a_comparison(store), store, get_queue())
    return get_queue()


def start(queue: JobQueue, execution: str = "first") -> Taken:
    """Do what a worker does to the next job."""
    key = queue.redis.lmove(queue.ledger.queue_key, queue.ledger.popped_key).decode()
    taken = queue.ledger.take(key, execution, lease_s=30, worker="worker-7")
    assert isinstance(taken, Taken)
    return taken


def fail(queue: JobQueue, sentence: str = "the loss became NaN at step 3") -> str:
    job = start(queue)
    queue.ledger.fail(job.key, job.token, code="computation_failed", sentence=sentence, trace="in run: x", ttl_s=60)
    return job.key


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_an_empty_queue_without_a_worker_shows_how_to_start_one(store: Store) -> None:  # noqa: ARG001
    page = opened("queue")
    assert metrics(page)["Queued"] == "0"
    assert "No worker is running" in texts(page)
    assert "gazegrid up" in page.code[0].value


def test_queued_jobs_have_titles_and_can_be_canceled(queue: JobQueue) -> None:
    page = opened("queue")
    assert metrics(page)["Queued"] == "4"
    links = [link.value.replace("\\", "") for link in page.page_link]
    assert "Detail search · resnet18 · picture 0" in links
    press(page, "Cancel")
    assert metrics(page)["Queued"] == "3"
    press(page, "Cancel all queued")
    assert metrics(page)["Queued"] == "0"
    assert queue.counts()["canceled"] == 4


def test_a_running_job_shows_its_step_and_its_worker(queue: JobQueue) -> None:
    job = start(queue)
    queue.ledger.report(job.key, job.token, {"step": 30, "total": 120})
    page = opened("queue")
    assert metrics(page)["Running"] == "1"
    assert page.progress[0].value == 25
    assert page.progress[0].text.replace("\\", "").startswith("Step 30 of 120 · worker-7 · for ")
    press(page, "Cancel")
    assert queue.states([job.key])[job.key].state == "canceled"


def test_a_running_training_shows_its_title_numbers_and_curves(store: Store) -> None:
    queue = get_queue()
    queue.submit(JobSpec(make_method("train", {"architecture": "test_vit", "epochs": 9}), (), None, 0, "d" * 64), store)
    job = start(queue)
    curves = [
        {"x": [1, 2, 3], "y": [0.2, 0.5, 0.6], "x_label": "Epoch", "y_label": "Accuracy, share"},
        {"x": [1, 2, 3], "y": [2.5, 1.5, 1.1], "x_label": "Epoch", "y_label": "Loss"},
    ]
    report = {"scalars": json.dumps({"epoch": 4, "loss": 1.0625, "top1": 0.603}), "curves": json.dumps(curves)}
    queue.ledger.report(job.key, job.token, {"step": 30, "total": 120} | report)
    page = opened("queue")
    assert "Train a network · test_vit, 64 px, 9 epochs" in texts(page)
    assert "Epoch 4 · Loss 1.06 · Top-1 60.3 %" in texts(page)
    charts = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert len(charts) == 2
    assert [caption.value for caption in page.caption] == ["Accuracy, share", "Loss"]


def test_a_watched_job_shows_its_remaining_time(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.views.jobs.PACE_AFTER_S", 0.0)
    job = start(queue)
    queue.ledger.report(job.key, job.token, {"step": 30, "total": 120})
    page = opened("queue")
    assert "left" not in page.progress[0].text
    queue.ledger.report(job.key, job.token, {"step": 60, "total": 120})
    page.run()
    assert page.progress[0].text.endswith(" left")


def test_a_failed_job_shows_its_reason_and_can_be_retried(queue: JobQueue) -> None:
    key = fail(queue)
    page = opened("queue")
    assert "The loss became NaN at step 3." in texts(page)
    assert f"computation_failed` · 1 attempt · job `{key}" in texts(page)
    assert "in run: x" in [code.value for code in page.code]
    press(page, "Retry")
    assert queue.states([key])[key].state == "queued"
    assert metrics(page)["Failed"] == "0"


def test_all_failed_jobs_are_retried_at_once(queue: JobQueue) -> None:
    keys = [fail(queue) for _ in range(3)]
    press(opened("queue"), "Retry all")
    assert {state.state for state in queue.states(keys).values()} == {"queued"}


def test_a_jobs_error_is_never_markup(queue: JobQueue) -> None:
    fail(queue, "<script>alert(1)</script> **bold** [x](http://y)")
    page = opened("queue")
    errors = [element.value for element in page.markdown if "alert" in str(element.value)]
    assert errors
    assert not any("<script>" in text or "**bold" in text or "](" in text for text in errors)


def test_retrying_a_job_that_is_gone_is_one_sentence(queue: JobQueue) -> None:
    key = fail(queue)
    page = opened("queue")
    queue.redis.delete(f"rq:job:{key}")
    press(page, "Retry")
    assert "cannot be retried" in texts(page)


def test_a_damaged_record_does_not_hide_the_others(queue: JobQueue) -> None:
    key = fail(queue)
    queue.redis.hset(f"rq:job:{key}", "data", b"garbage")
    page = opened("queue")
    assert f"Damaged record {key[:12]}" in [link.value.replace("\\", "") for link in page.page_link]
    assert metrics(page)["Queued"] == "3"


def test_a_worker_is_listed_with_device_networks_and_job(queue: JobQueue) -> None:
    job = start(queue)
    name = f"rq:worker:{'w1'}"
    queue.redis.sadd(f"rq:workers:{queue.settings.queue}", name)
    queue.redis.hset(
        name,
        mapping={
            "pid": 7, "hostname": "lab", "state": "busy", "current_job": job.key, "device": "cuda:0",
            "networks": "random/resnet18\nlite/efficientnet_lite0", "last_heartbeat": "2026-01-01T00:00:00.000000Z",
        },
    )  # fmt: skip
    page = opened("queue")
    (row,) = page.dataframe[0].value.to_dict("records")
    assert (row["Worker"], row["Host"], row["Device"], row["State"]) == ("w1", "lab", "cuda:0", "busy")
    assert row["Job"].startswith("Detail search · ")
    assert list(row["Loaded networks"]) == ["resnet18", "efficientnet_lite0"]
    assert row["Last heartbeat"].endswith("d ago")
    assert "No worker is running" not in texts(page)


def test_of_two_hundred_queued_jobs_the_first_are_listed_and_the_rest_counted(store: Store) -> None:
    submit_grid(a_comparison(store, pictures=100), store, get_queue())
    assert "and 175 more" in texts(opened("queue"))


def test_without_redis_one_sentence_names_the_pages_that_still_work(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    store: Store,  # noqa: ARG001
) -> None:
    monkeypatch.delenv("GAZEGRID_REDIS_URL")
    use(settings.model_copy(update={"redis_url": None}), monkeypatch)
    page = opened("queue")
    assert len(page.error) == 1
    assert "Redis cannot be reached" in texts(page)
    assert "stay available on the pages Compare, Galleries" in texts(page)
