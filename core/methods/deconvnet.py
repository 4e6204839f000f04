"""Deconvnet: the pattern in the picture that a unit responds to, projected back through the network."""

from __future__ import annotations

from typing import ClassVar

from core.method_base.attribution import PositiveSignal


class Deconvnet(PositiveSignal):
    """ReLUs pass the positive part of the signal, active or not; max pooling passes it to the maxima."""

    guided: ClassVar[bool] = False
    rule: ClassVar[str] = "negative signals dropped"
    title: ClassVar[str] = "Deconvnet"
    summary: ClassVar[str] = (
        "Which pattern in the picture does a unit respond to? Its activation is projected back to the pixels, and "
        "negative signals are dropped at every activation function."
    )
    source: ClassVar[str] = "Zeiler and Fergus 2013, arXiv:1311.2901; Springenberg et al. 2014, arXiv:1412.6806"
    version: ClassVar[int] = 2
