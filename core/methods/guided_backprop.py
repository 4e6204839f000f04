"""Guided backpropagation: the gradient along paths of positive signals only."""

from __future__ import annotations

from typing import ClassVar

from core.method_base.attribution import PositiveSignal


class GuidedBackprop(PositiveSignal):
    """ReLUs pass the positive part of the signal where they are active; max pooling passes it to the maxima."""

    guided: ClassVar[bool] = True
    rule: ClassVar[str] = "negative signals dropped, and all signals where the activation is off"
    title: ClassVar[str] = "Guided backprop"
    summary: ClassVar[str] = (
        "Which details support the prediction? The gradient is propagated to the pixels, but only where an activation "
        "is on and the signal is positive: this leaves sharp edges."
    )
    source: ClassVar[str] = "Springenberg et al. 2014, arXiv:1412.6806"
    version: ClassVar[int] = 2
