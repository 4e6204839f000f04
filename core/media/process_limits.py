"""What every process that reads a stranger's file has in common: bounds it sets itself, and how it says no.

Such a process is started with `python -I -m core.NAME`. Its exit status is 0, or `REFUSED` with a sentence, or the rest
of one, on standard output, or `OUT_OF_MEMORY`; any other is a file that something stumbled over.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

REFUSED, OUT_OF_MEMORY = 3, 4


class Refused(Exception):
    """Why the file is not taken: the rest of a sentence that begins with its name."""


def limit_process(*, memory_bytes: int, time_s: int, open_files: int | None = None) -> None:
    """Bound this process for good: its memory, and its seconds of the processor.

    `open_files`: so many open at a time, and none written.
    """
    limits = {resource.RLIMIT_AS: memory_bytes, resource.RLIMIT_CPU: time_s, resource.RLIMIT_CORE: 0}
    if open_files is not None:
        limits |= {resource.RLIMIT_NOFILE: open_files, resource.RLIMIT_FSIZE: 0}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def answered(read: Callable[[], None], refusals: type[Exception] = Refused) -> int:
    """The exit status of `read`, which writes to standard output; a refusal's sentence is written here."""
    try:
        read()
    except refusals as refusal:
        sys.stdout.write(str(refusal))
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    return 0
