"""Guided backpropagation: the gradient, but only along paths that speak for the answer all the way."""

from __future__ import annotations

from typing import ClassVar

from core.method_base.attribution import PositiveSignal


class GuidedBackprop(PositiveSignal):
    """ReLUs pass back the positive part of the signal where they were on themselves; max pooling through its maxima."""

    guided: ClassVar[bool] = True
    rule: ClassVar[str] = "negative signal is dropped, and all of it where the activation is off"
    title: ClassVar[str] = "Guided backprop"
    summary: ClassVar[str] = (
        "Which details speak for the answer? The gradient to the pixels, followed only where an activation was on "
        "and the signal was positive: sharp edges of whatever was seen."
    )
    source: ClassVar[str] = (
        "Springenberg et al. 2014, arXiv:1412.6806: both masks, of the forward and the backward pass"
    )
    version: ClassVar[int] = 1
