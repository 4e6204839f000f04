"""How a process that computes allocates memory."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Constants of glibc's `malloc.h`."""


def keep_freed_memory() -> None:
    """Let glibc reuse the memory of large tensors; no effect with another C library.

    By default each large tensor is mapped and unmapped, and the kernel zeroes its pages every time: up to a quarter of
    the time of a step on a CPU. In return the process never shrinks.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
