from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.engine.ranges import from_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.painter import Design, Painter, build, painted
from core.learning.fast_style.stabilization import Frame, StabilizedPainter
from tests.support.videos import noisy, pan

DESIGN = Design(4, ("0" * 64,), (1.0,), 64)


def a_painter() -> Painter:
    return build(DESIGN, 0).eval()


def run(frames: Sequence[Pixels], steadiness: float = 0.8) -> tuple[StabilizedPainter, list[Frame]]:
    steady = StabilizedPainter(a_painter(), steadiness)
    return steady, list(steady.paint(iter(frames)))


def test_a_video_in_which_nothing_moves_has_no_flicker_at_all() -> None:
    steady, frames = run(pan(1) * 4)
    assert steady.flicker.of("steady") == steady.flicker.of("alone") == 0
    assert all(np.array_equal(frame.steady, frames[0].steady) for frame in frames)
    assert all(set(frame.errors.values()) == {0.0} for frame in frames[1:])


def test_noise_flickers_less_than_in_frames_that_are_painted_each_by_itself() -> None:
    steady, frames = run(noisy(6, spread=0.5))
    assert steady.flicker.of("alone") > 0
    assert steady.flicker.of("steady") < 0.5 * steady.flicker.of("alone")
    assert all(frame.errors["steady"] < frame.errors["alone"] for frame in frames[1:])


def test_what_moves_changes_less_along_its_motion() -> None:
    steady, frames = run(pan(5, step=3, height=96, width=128))
    errors = {kind: float(np.mean([frame.errors[kind] for frame in frames[1:]])) for kind in ("steady", "alone")}
    assert errors["steady"] < 0.6 * errors["alone"]
    assert steady.flicker.of("steady") is None, "nearly everything moves"


def test_without_steadiness_each_frame_is_painted_by_itself() -> None:
    given = pan(3)
    _, frames = run(given, steadiness=0.0)
    for frame, pixels in zip(frames, given, strict=True):
        assert np.array_equal(frame.steady, to_pixels(painted(a_painter(), from_pixels(pixels))))
        assert np.array_equal(frame.original, pixels)
    assert frames[0].errors == {}
    assert frames[1].errors["steady"] == pytest.approx(frames[1].errors["alone"])


def test_after_a_cut_nothing_of_the_scene_before_stays() -> None:
    other = np.ascontiguousarray(255 - pan(1)[0][::-1])
    _, frames = run([pan(1)[0], other])
    alone = to_pixels(painted(a_painter(), from_pixels(other)))
    assert np.abs(frames[1].steady.astype(int) - alone).mean() < 1
