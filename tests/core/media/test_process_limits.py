from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.media.process_limits import OUT_OF_MEMORY, REFUSED

LIMITED = """
import sys
from core.media.process_limits import Refused, exit_status_of, limit_process

limit_process(memory_bytes=2**28, time_s=1, open_files={files})

def read():
    {read}

sys.exit(exit_status_of(read{refusals}))
"""


def limited(read: str, files: int | None = 16, refusals: str = "") -> subprocess.CompletedProcess[str]:
    code = LIMITED.format(read=read, files=files, refusals=refusals)
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("read", "status", "said"),
    [
        ("print('a line')", 0, "a line\n"),
        ("raise Refused('is none')", REFUSED, "is none"),
        ("bytes(2**30)", OUT_OF_MEMORY, ""),
        ("raise ValueError('stumbled')", 1, ""),
        ("[open('/dev/null') for _ in range(99)].clear()", 1, ""),
    ],
    ids=["read", "refused", "memory", "stumbled", "files"],
)
def test_the_exit_status_of_a_limited_process_tells_how_it_ended(read: str, status: int, said: str) -> None:
    done = limited(read)
    assert (done.returncode, done.stdout) == (status, said)


def test_a_limited_process_that_computes_for_ever_is_ended() -> None:
    assert limited("while True: pass").returncode < 0


def test_a_process_is_allowed_time_again_and_again() -> None:
    code = """
import time
from core.media.process_limits import allow_time, limit_process

limit_process(memory_bytes=2**30)
for _ in range(2):
    allow_time(1)
    until = time.process_time() + 0.6
    while time.process_time() < until:
        pass
print("alive", flush=True)
while True:
    pass
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode < 0) == ("alive\n", True)


@pytest.mark.parametrize(("files", "written"), [(16, False), (None, True)])
def test_it_writes_no_file_unless_it_may(tmp_path: Path, files: int | None, written: bool) -> None:
    path = tmp_path / "file"
    limited(f"open({str(path)!r}, 'w').write('content')", files)
    assert (path.read_text() == "content") == written


def test_other_errors_can_be_the_refusals() -> None:
    done = limited("raise KeyError('which')", refusals=", KeyError")
    assert (done.returncode, done.stdout) == (REFUSED, "'which'")
