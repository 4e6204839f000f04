from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.queue.grid import submit_grid
from core.queue.queue import JobRow, JobState
from core.store.store import Store
from dashboard.session import get_queue
from dashboard.views.jobs import Pace, ago, in_words, look_at_queue, places, time_left
from tests.support.kept import a_comparison

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (120, "2 min"), (7_200, "2 h"), (900_000, "10 d"), (-5, "0 s")]
)
def test_times_are_counted_as_a_reader_does(seconds: int, text: str) -> None:
    assert ago((NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), NOW) == text


@pytest.mark.parametrize("time", [None, "", "yesterday", "2026-99-99"])
def test_a_time_that_cannot_be_read_is_a_question_mark(time: str | None) -> None:
    assert ago(time, NOW) == "?"


def test_a_job_is_placed_in_the_latest_comparison_that_shows_it(store: Store) -> None:
    comparison = a_comparison(store, pictures=1)
    submit_grid(comparison, store, get_queue())
    view = look_at_queue(get_queue())
    assert view.live
    found = places(store, view.waiting)
    assert {place.comparison for place in found.values()} == {comparison.key}
    assert {place.picture for place in found.values()} == {"picture 0"}
    assert places(store, []) == {}


def a_row(document: dict[str, Any] | None) -> JobRow:
    return JobRow(JobState("ab" * 32, "started"), document, None, None, None, "")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Train a network · resnet18, 64 px, 30 epochs"),
        ({"start": "lite/x#12", "epochs": 1}, "Train a network · lite/x with a new classifier, 64 px, 1 epoch"),
        ({"of a later version": 1}, "Train a network"),
    ],
)
def test_a_training_is_told_by_what_learns(parameters: dict[str, Any], told: str) -> None:
    assert in_words(a_row({"method": {"name": "train", "parameters": parameters}, "network": None}), None) == told


def test_how_long_a_job_takes_is_told_by_the_steps_that_were_seen() -> None:
    job = JobState("ab" * 32, "started", step=300, total=1200)
    assert time_left(Pace(step=200, time_s=0), job, now_s=20) == "about 3 min left"
    assert time_left(Pace(step=300, time_s=0), job, now_s=20) == ""
    assert time_left(Pace(step=200, time_s=0), job, now_s=2) == ""
