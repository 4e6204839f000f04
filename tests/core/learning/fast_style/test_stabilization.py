from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.engine.ranges import from_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.painter import Design, Painter, build, paint
from core.learning.fast_style.stabilization import Frame, StabilizedPainter
from tests.support.videos import noisy, pan

DESIGN = Design(4, ("0" * 64,), (1.0,), 64)


def a_painter() -> Painter:
    return build(DESIGN, 0).eval()


def run(frames: Sequence[Pixels], steadiness: float = 0.8) -> tuple[StabilizedPainter, list[Frame]]:
    stabilized = StabilizedPainter(a_painter(), steadiness)
    return stabilized, list(stabilized.paint(iter(frames)))


def test_a_video_in_which_nothing_moves_has_no_flicker_at_all() -> None:
    stabilized, frames = run(pan(1) * 4)
    assert stabilized.flicker.mean("stabilized") == stabilized.flicker.mean("framewise") == 0
    assert all(np.array_equal(frame.stabilized, frames[0].stabilized) for frame in frames)
    assert all(set(frame.errors.values()) == {0.0} for frame in frames[1:])


def test_noise_flickers_less_than_in_independently_stylized_frames() -> None:
    stabilized, frames = run(noisy(6, spread=0.5))
    assert stabilized.flicker.mean("framewise") > 0
    assert stabilized.flicker.mean("stabilized") < 0.5 * stabilized.flicker.mean("framewise")
    assert all(frame.errors["stabilized"] < frame.errors["framewise"] for frame in frames[1:])


def test_moving_objects_change_less_along_their_motion() -> None:
    stabilized, frames = run(pan(5, step=3, height=96, width=128))
    errors = {
        kind: float(np.mean([frame.errors[kind] for frame in frames[1:]])) for kind in ("stabilized", "framewise")
    }
    assert errors["stabilized"] < 0.6 * errors["framewise"]
    assert stabilized.flicker.mean("stabilized") is None, "nearly everything moves"


def test_without_temporal_weight_frames_are_stylized_independently() -> None:
    frames_in = pan(3)
    _, frames = run(frames_in, steadiness=0.0)
    for frame, pixels in zip(frames, frames_in, strict=True):
        assert np.array_equal(frame.stabilized, to_pixels(paint(a_painter(), from_pixels(pixels))))
        assert np.array_equal(frame.original, pixels)
    assert frames[0].errors == {}
    assert frames[1].errors["stabilized"] == pytest.approx(frames[1].errors["framewise"])


def test_after_a_cut_nothing_of_the_previous_scene_remains() -> None:
    other = np.ascontiguousarray(255 - pan(1)[0][::-1])
    _, frames = run([pan(1)[0], other])
    framewise = to_pixels(paint(a_painter(), from_pixels(other)))
    assert np.abs(frames[1].stabilized.astype(int) - framewise).mean() < 1
