from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core.errors import BadPicture
from core.media.decoder_process import DecoderProcess
from tests.support.bad_pictures import photo, photo_file, saved

HANGS = "import time; time.sleep(60)"
DIES = "import os, sys; sys.stdin.buffer.readline(); os.kill(os.getpid(), 11)"
STOPS_SHORT = "import sys; sys.stdin.buffer.readline(); print('{\"size_bytes\": 99}', flush=True)"


def test_a_process_decodes_one_picture_after_the_other() -> None:
    with DecoderProcess("picture", wall_clock_s=60) as process:
        for _ in range(3):
            np.testing.assert_array_equal(process.pixels(photo_file(), "a.png"), photo())


def test_a_process_that_no_picture_needs_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DecoderProcess, "_started", None)
    with DecoderProcess("dataset", wall_clock_s=60):
        pass


def test_no_process_is_left_behind() -> None:
    with DecoderProcess("picture", wall_clock_s=60) as process:
        process.pixels(photo_file(), "a.png")
    assert process._process is not None
    assert process._process.returncode is not None


def test_limits_of_size_differ_by_door() -> None:
    small = saved(Image.new("RGB", (8, 8)), "PNG")
    with DecoderProcess("dataset", wall_clock_s=60) as process:
        assert process.kept(small, "a.png").data == small
    with (
        DecoderProcess("picture", wall_clock_s=60) as process,
        pytest.raises(BadPicture, match=r"^a\.png is 8 x 8 px, its sides must be at least 16 px$"),
    ):
        process.pixels(small, "a.png")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (HANGS, r"^a\.png takes longer than the limit of 10 s to decode$"),
        (DIES, r"^a\.png is damaged or incomplete$"),
        (STOPS_SHORT, r"^a\.png is damaged or incomplete$"),
    ],
)
def test_a_process_that_hangs_or_dies_is_one_sentence(
    code: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", code]
    monkeypatch.setattr(
        DecoderProcess,
        "_started",
        lambda _: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE),
    )
    wall_clock_s = 0.2 if code == HANGS else 60
    with DecoderProcess("picture", wall_clock_s=wall_clock_s) as process, pytest.raises(BadPicture, match=sentence):
        process.pixels(photo_file() + bytes(1_000_000 if code == DIES else 0), "a.png")
