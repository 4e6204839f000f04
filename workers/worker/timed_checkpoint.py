"""How long a job has run, whatever happened to the processes that ran it."""

from __future__ import annotations

import re
import time

from core.method_base.method import Checkpoint

HEAD = re.compile(rb"seconds (\d+\.\d{3})\n")
"""What stands before a method's own content."""


class TimedCheckpoint(Checkpoint):
    """A checkpoint that keeps the seconds up to it; what was computed after the last one and lost does not count."""

    def __init__(self, kept: Checkpoint) -> None:
        self._kept = kept
        self._earlier_s = 0.0
        self._begun_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Of this process, and of those whose work it took up."""
        return self._earlier_s + time.perf_counter() - self._begun_s

    def read(self) -> bytes | None:
        """What was written last; asked before the first `write`, by a method that takes up its work."""
        content = self._kept.read()
        head = HEAD.match(content or b"")
        if content is None or head is None:
            return content
        self._earlier_s = float(head[1])
        return content[head.end() :]

    def write(self, content: bytes) -> None:
        self._kept.write(b"seconds %.3f\n" % self.seconds + content)
