"""Lets a child process end with its parent, however the parent ended."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded here, since the function is called between fork and exec


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Let the kernel signal this process when the thread that started it ends (on Linux; no effect elsewhere)."""
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, number)
