"""A trained painter as it is kept, and back."""

from __future__ import annotations

from dataclasses import asdict

from core.items import Weights
from core.learning.fast_style.painter import Design, Painter
from core.learning.stored import model_of, result_of, weights_of
from core.method_base.method import Context

KIND = "style model"


def as_weights(painter: Painter) -> Weights:
    """Everything that `trained_painter` needs."""
    return weights_of(painter, KIND, asdict(painter.design))


def trained_painter(context: Context, key: str) -> Painter:
    """The painter in the result of this key, on the context's device, for use only. Raises BadInput."""
    return model_of(result_of(context, key, KIND), KIND, lambda design: Painter(_design(**design)), context.device)


def _design(width: int, styles: list[str], shares: list[float], style_px: int) -> Design:
    return Design(width, tuple(styles), tuple(shares), style_px)
