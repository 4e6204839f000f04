"""Videos of a few small frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from core.items import Animation, Item, Pixels, Result
from core.jobs.comparison import Comparison
from core.media.frame_times import steady
from core.media.samples import sample
from core.media.video import Video
from core.media.video_writer import VideoKind, encoded
from core.methods import make_method
from core.store.store import Store
from tests.support.kept import PROVENANCE

RATE = Fraction(10)
MODEL = "a" * 64


def pan(count: int, step: int = 2, height: int = 48, width: int = 64) -> list[Pixels]:
    """A window that goes right over a photo, `step` pixels a frame."""
    photo = sample("cat").pixels
    return [photo[80 : 80 + height, 60 + step * i : 60 + step * i + width].copy() for i in range(count)]


def noisy(count: int, spread: float = 1.0, height: int = 48, width: int = 64) -> list[Pixels]:
    """A window that stands still, with noise of this standard deviation, in 255ths."""
    still = pan(1, height=height, width=width)[0]
    random = np.random.default_rng(0)
    noise = [random.normal(0, spread, still.shape) for _ in range(count)]
    return [np.clip(np.round(still + one), 0, 255).astype(np.uint8) for one in noise]


def a_video(frames: Sequence[Pixels] | None = None, kind: VideoKind = "gif") -> Video:
    """These frames, or a few of a pan."""
    frames = pan(3) if frames is None else frames
    return Video(encoded(frames, steady(len(frames), RATE), kind))


def painted(frames: int = 3, kind: VideoKind = "mp4") -> Animation:
    """What `style_video` makes of a video, but for the paint."""
    return Animation(
        frames=np.stack(pan(frames)), whole=a_video(pan(frames), kind).content, caption="It flickers by 0.2."
    )


def a_painted_cell(store: Store, items: Mapping[str, Item], video: str) -> tuple[str, str]:
    """The keys of a kept comparison of one painted video, and of its result, which has these items."""
    comparison = Comparison((), (), (make_method("style_video", {"model": MODEL, "video": video}),))
    store.put_comparison(comparison)
    (cell,) = comparison.cells()
    return comparison.key, store.publish(cell.spec, Result(dict(items)), PROVENANCE).key
