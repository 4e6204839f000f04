"""Small devices that fill up."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_device(place: Path, mebibytes: int) -> Iterator[Path]:
    """A device of its own, mounted at the new folder `place`; the test is skipped where nothing can be mounted."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False, text=True)
    if mounted.returncode:
        pytest.skip(f"a small device cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def take_up(device: Path, leave_bytes: int = 0) -> Path:
    """Take up the room of a device but for `leave_bytes`; the file to delete."""
    ballast, free = device / "ballast", os.statvfs(device)
    try:
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - leave_bytes))
    except OSError as error:
        if error.errno != errno.ENOSPC:  # somebody else took the rest meanwhile: full is what was wanted
            raise
    return ballast
