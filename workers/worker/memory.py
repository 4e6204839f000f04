"""How a process that computes takes its memory from the system."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of glibc's `malloc.h`."""


def keep_freed_memory() -> None:
    """Keep what large tensors gave back for the next ones; nothing changes where the C library is not glibc.

    By default each is mapped and unmapped, and the system fills its pages with zeros every time: up to a quarter of a
    step on a CPU. The process stays as large as it was at its largest.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
