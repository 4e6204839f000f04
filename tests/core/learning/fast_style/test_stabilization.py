from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.engine.ranges import from_pixels, to_pixels
from core.items import Pixels
from core.learning.fast_style.flicker import FlickerMeter
from core.learning.fast_style.painter import Design, Painter, build, paint
from core.learning.fast_style.stabilization import Frame, StabilizedPainter
from tests.support.videos import noisy, pan

DESIGN = Design(4, ("0" * 64,), (1.0,), 64)


def a_painter() -> Painter:
    return build(DESIGN, 0).eval()


def run(frames: Sequence[Pixels], steadiness: float = 0.8) -> list[Frame]:
    return list(StabilizedPainter(a_painter(), steadiness).paint(iter(frames)))


def measured(frames: Sequence[Frame]) -> tuple[FlickerMeter, list[dict[str, float]]]:
    meter = FlickerMeter()
    return meter, [
        meter.add({kind: from_pixels(pixels.copy()) for kind, pixels in vars(frame).items()}) for frame in frames
    ]


def test_a_video_in_which_nothing_moves_has_no_flicker_at_all() -> None:
    frames = run(pan(1) * 4)
    meter, errors = measured(frames)
    assert meter.flicker("stabilized") == meter.flicker("framewise") == 0
    assert all(np.array_equal(frame.stabilized, frames[0].stabilized) for frame in frames)
    assert all(set(error.values()) == {0.0} for error in errors[1:])


def test_noise_flickers_less_than_in_independently_stylized_frames() -> None:
    meter, errors = measured(run(noisy(6, spread=0.5)))
    assert 0 < meter.flicker("stabilized") < 0.6 * meter.flicker("framewise")
    assert all(error["stabilized"] < error["framewise"] for error in errors[1:])


def test_moving_objects_change_less_along_their_motion() -> None:
    meter, errors = measured(run(pan(5, step=3, height=96, width=128)))
    means = {kind: float(np.mean([error[kind] for error in errors[1:]])) for kind in ("stabilized", "framewise")}
    assert means["stabilized"] < 0.6 * means["framewise"]
    assert meter.flicker("stabilized") is None, "nearly everything moves"


def test_without_temporal_weight_frames_are_stylized_independently() -> None:
    frames_in = pan(3)
    frames = run(frames_in, steadiness=0.0)
    for frame, pixels in zip(frames, frames_in, strict=True):
        assert np.array_equal(frame.stabilized, to_pixels(paint(a_painter(), from_pixels(pixels))))
        assert np.array_equal(frame.original, pixels)
        assert np.array_equal(frame.framewise, frame.stabilized)
    _, errors = measured(frames)
    assert errors[0] == {}
    assert errors[1]["stabilized"] == errors[1]["framewise"]


def test_after_a_cut_nothing_of_the_previous_scene_remains() -> None:
    other = np.ascontiguousarray(255 - pan(1)[0][::-1])
    frames = run([pan(1)[0], other])
    framewise = to_pixels(paint(a_painter(), from_pixels(other)))
    assert np.abs(frames[1].stabilized.astype(int) - framewise).mean() < 1
