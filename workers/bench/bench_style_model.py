"""A picture of 256 px through a trained style model, from file to file, against the network's bare forward pass."""

from __future__ import annotations

import statistics
import time

import torch

from core.engine.ranges import from_pixels
from core.items import Result
from core.learning.fast_style.painter import Design, Painter, build
from core.learning.fast_style.stored import as_weights
from core.media.drawn_styles import STYLES
from core.media.picture import Picture, read_picture
from core.media.samples import sample
from core.method_base.method import Context, Method
from core.methods import make_method
from core.methods.style_model import StyleModel
from workers.bench.interleaved import worker_conditions
from workers.bench.row import Row, at_most

TARGET = 2.5
SIDE_PX = 256
TURNS = 9
KEY = "0" * 64


def run(*, quick: bool = False) -> Row:
    """`stylize` with a result's weights, without judge; the photo's file is decoded like an upload."""
    photo = Picture.from_pixels(sample("cat").pixels[:SIDE_PX, :SIDE_PX])
    painter = build(Design(StyleModel().width, (STYLES["waves"].digest,), (1.0,), SIDE_PX), seed=0).eval()
    method = make_method("stylize", {"model": KEY, "evaluate": False})
    with worker_conditions() as threads:
        _turn(method, painter, photo)
        rounds = [_turn(method, painter, photo) for _ in range(1 if quick else TURNS)]
    ratios = sorted(ours_s / bare_s for ours_s, bare_s in rounds)
    ours_ms, bare_ms = (statistics.median(turn[side] for turn in rounds) * 1e3 for side in (0, 1))
    detail = f"{ours_ms:.0f} ms from file to file against {bare_ms:.0f} ms of the forward pass, threads: {threads}; "
    spread = f"turns: {len(rounds)}, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    return at_most("style_model", statistics.median(ratios), TARGET, detail + spread)


class _Stored(Context):
    """A context whose only result is the painter."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self._result = Result({"network": as_weights(painter)})

    def result(self, key: str) -> Result:  # noqa: ARG002
        return self._result


def _turn(method: Method, painter: Painter, photo: Picture) -> tuple[float, float]:
    """Seconds from a file to a file, and of the forward pass alone."""
    content, context = photo.png(), _Stored(painter)
    pixels = from_pixels(photo.pixels.copy()).contiguous(memory_format=torch.channels_last)
    started_s = time.perf_counter()
    result = method.run_without_network([read_picture(content)], context)
    result.items["stylized"].files()
    ours_s = time.perf_counter() - started_s
    with torch.inference_mode():
        started_s = time.perf_counter()
        painter(pixels)
    return ours_s, time.perf_counter() - started_s
