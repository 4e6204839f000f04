from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.queue.grid import submit_grid
from core.queue.queue import JobRow, JobState
from core.store.store import Store
from dashboard.session import get_queue
from dashboard.views.jobs import Pace, elapsed, job_title, locations, read_queue, time_left
from tests.support.kept import a_comparison

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (120, "2 min"), (7_200, "2 h"), (900_000, "10 d"), (-5, "0 s")]
)
def test_elapsed_times_have_the_unit_that_fits(seconds: int, text: str) -> None:
    assert elapsed((NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), NOW) == text


@pytest.mark.parametrize("time", [None, "", "yesterday", "2026-99-99"])
def test_a_time_that_cannot_be_read_is_a_question_mark(time: str | None) -> None:
    assert elapsed(time, NOW) == "?"


def test_a_job_is_placed_in_the_latest_comparison_that_shows_it(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    submit_grid(comparison, store, get_queue())
    view = read_queue(get_queue())
    assert view.live
    result = locations(store, view.queued)
    assert {place.comparison for place in result.values()} == {comparison.key}
    assert {place.row for place in result.values()} == {"picture 0"}
    assert locations(store, []) == {}


def a_row(document: dict[str, Any] | None) -> JobRow:
    return JobRow(JobState("ab" * 32, "started"), document, None, None, None, "")


@pytest.mark.parametrize(
    ("parameters", "title"),
    [
        ({}, "Train a network · resnet18, 64 px, 30 epochs"),
        ({"pretrained": "lite/x#12", "epochs": 1}, "Train a network · lite/x with a new classifier, 64 px, 1 epoch"),
        ({"of a later version": 1}, "Train a network"),
    ],
)
def test_a_training_is_titled_by_its_architecture(parameters: dict[str, Any], title: str) -> None:
    assert job_title(a_row({"method": {"name": "train", "parameters": parameters}, "network": None}), None) == title


def test_the_remaining_time_is_estimated_from_the_watched_steps() -> None:
    job = JobState("ab" * 32, "started", step=300, total=1200)
    assert time_left(Pace(step=200, time_s=0), job, now_s=20) == "about 3 min left"
    assert time_left(Pace(step=300, time_s=0), job, now_s=20) == ""
    assert time_left(Pace(step=200, time_s=0), job, now_s=2) == ""
