from __future__ import annotations

import pytest

from core.method_base.method import Checkpoint
from workers.worker.timed_checkpoint import TimedCheckpoint


class Kept(Checkpoint):
    def __init__(self, content: bytes | None = None) -> None:
        self.content = content

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_seconds_of_a_job_are_those_of_all_processes_up_to_their_checkpoints(clock: list[float]) -> None:
    kept = Kept()
    for content in (b"first", b"second"):
        checkpoint = TimedCheckpoint(kept)
        checkpoint.read()
        clock[0] += 10
        checkpoint.write(content)
        clock[0] += 3  # lost with the process
    last = TimedCheckpoint(kept)
    assert last.read() == b"second"
    clock[0] += 1
    assert last.seconds == 21


@pytest.mark.parametrize("content", [None, b"", b"seconds 1", b"seconds 1.0\nanother's"])
def test_what_has_no_time_before_it_is_given_as_it_is(content: bytes | None) -> None:
    assert TimedCheckpoint(Kept(content)).read() == content
