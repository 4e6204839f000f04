"""Trained painters as weights in a result, and back."""

from __future__ import annotations

from dataclasses import asdict

from core.items import Weights
from core.learning.fast_style.painter import Design, Painter
from core.learning.stored import model_of, result_of, weights_of
from core.method_base.method import Context

KIND = "style model"


def as_weights(painter: Painter) -> Weights:
    """Weights of the painter, for `trained_painter`."""
    return weights_of(painter, KIND, asdict(painter.design))


def trained_painter(context: Context, key: str) -> Painter:
    """The painter in the result of this key, in eval mode on the context's device. Raises BadInput."""
    return model_of(result_of(context, key, KIND), KIND, lambda design: Painter(_design(**design)), context.device)


def _design(width: int, styles: list[str], shares: list[float], style_px: int) -> Design:
    return Design(width, tuple(styles), tuple(shares), style_px)
