from __future__ import annotations

import pytest

from tests.support.contexts import MemoryCheckpoint
from workers.worker.timed_checkpoint import TimedCheckpoint


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_run_time_adds_up_over_processes_up_to_their_checkpoints(clock: list[float]) -> None:
    kept = MemoryCheckpoint()
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
def test_content_without_a_time_is_returned_unchanged(content: bytes | None) -> None:
    assert TimedCheckpoint(MemoryCheckpoint(content)).read() == content
