"""A checkpoint with the job's run time, added up over all processes that ran it."""

from __future__ import annotations

import re
import time

from core.method_base.method import Checkpoint

HEAD = re.compile(rb"seconds (\d+\.\d{3})\n")
"""Precedes the method's own content."""


class TimedCheckpoint(Checkpoint):
    """A checkpoint that also stores the run time so far; lost time after the last checkpoint does not count."""

    def __init__(self, inner: Checkpoint) -> None:
        self._inner = inner
        self._earlier_s = 0.0
        self._started_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Run time of this process and of those whose work it resumed."""
        return self._earlier_s + time.perf_counter() - self._started_s

    def read(self) -> bytes | None:
        """The content that was written last; None without any. A method that resumes reads before it writes."""
        content = self._inner.read()
        head = HEAD.match(content or b"")
        if content is None or head is None:
            return content
        self._earlier_s = float(head[1])
        return content[head.end() :]

    def write(self, content: bytes) -> None:
        self._inner.write(b"seconds %.3f\n" % self.seconds + content)
