"""Limits of the child processes that read uploaded files, and how such a process reports its outcome.

A child process is started with `python -I -m core.NAME`. Its exit status is 0, `REFUSED` with a sentence or the rest of
one on standard output, or `OUT_OF_MEMORY`; any other status means that the file is damaged or took too long.
"""

from __future__ import annotations

import math
import resource
import signal
import sys
import time
from collections.abc import Callable

REFUSED, OUT_OF_MEMORY = 3, 4
OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)


class Refused(Exception):
    """Why the file is refused: the rest of a sentence that begins with the file's name."""


def limit_process(*, memory_bytes: int, time_s: int | None = None, open_files: int | None = None) -> None:
    """Limit memory and processor time of this process, for good; it dies beyond them.

    `time_s`: None for a process that calls `allow_time`; `open_files`: also limit the number of open files, and forbid
    writing to files.
    """
    limits = {resource.RLIMIT_AS: memory_bytes, resource.RLIMIT_CORE: 0}
    if time_s is not None:
        limits[resource.RLIMIT_CPU] = time_s
    if open_files is not None:
        limits |= {resource.RLIMIT_NOFILE: open_files, resource.RLIMIT_FSIZE: 0}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def allow_time(time_s: int) -> None:
    """Let this process use `time_s` of processor time from now on, in whole seconds; it dies beyond."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    bound = math.ceil(time.process_time() + time_s)
    resource.setrlimit(resource.RLIMIT_CPU, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))


def exit_status_of(read: Callable[[], None], refusals: type[Exception] = Refused) -> int:
    """Call `read`, which writes to standard output, and return the exit status; writes the sentence of a refusal."""
    try:
        read()
    except refusals as refusal:
        sys.stdout.write(str(refusal))
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def failure_reason(status: int, *, action: str, time_s: int, memory_bytes: int) -> str:
    """Why a child process failed to `action` (decode, read) a file: the rest of a sentence after the file's name."""
    if status in OUT_OF_TIME:
        return f"takes longer than the limit of {time_s} s to {action}"
    if status == OUT_OF_MEMORY:
        return f"takes more than the limit of {memory_bytes / 2**20:.0f} MiB of memory to {action}"
    return "is damaged or incomplete"
