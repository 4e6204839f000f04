from __future__ import annotations

import pytest

from core.engine import checkpoint_timer
from core.engine.checkpoint_timer import MAX_INTERVAL_S, MAX_TIME_SHARE, MIN_INTERVAL_S, CheckpointTimer


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(checkpoint_timer, "time", fake)
    return fake


def written(clock: Clock, takes_s: float, until_s: float) -> list[float]:
    """When a checkpoint was begun that takes so long, with a look each half second."""
    begun: list[float] = []

    def write() -> None:
        begun.append(clock.now_s - 100)
        clock.now_s += takes_s

    timer = CheckpointTimer()
    while clock.now_s - 100 < until_s:
        clock.now_s += 0.5
        timer.write_if_due(write)
    return begun


def test_the_first_checkpoint_waits_and_quick_ones_are_evenly_spaced(clock: Clock) -> None:
    assert written(clock, 0.0, 10) == [
        MIN_INTERVAL_S,
        2 * MIN_INTERVAL_S,
        3 * MIN_INTERVAL_S,
        4 * MIN_INTERVAL_S,
        5 * MIN_INTERVAL_S,
    ]


def test_slow_ones_take_a_small_share_of_the_time(clock: Clock) -> None:
    begun = written(clock, 0.5, 200)
    assert 0.5 * len(begun) / 200 <= MAX_TIME_SHARE * 1.1
    assert len(begun) > 5


def test_slow_checkpoints_are_written_every_minute_at_least(clock: Clock) -> None:
    first, second, *_ = written(clock, 30.0, 400)
    assert second - first == 30.0 + MAX_INTERVAL_S
