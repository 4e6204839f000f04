"""Deconvnet: what in the picture a unit answers to, projected back through the network."""

from __future__ import annotations

from typing import ClassVar

from core.method_base.attribution import PositiveSignal


class Deconvnet(PositiveSignal):
    """ReLUs pass back the positive part of the signal, whether they were on or off; max pooling through its maxima."""

    guided: ClassVar[bool] = False
    rule: ClassVar[str] = "negative signal is dropped"
    title: ClassVar[str] = "Deconvnet"
    summary: ClassVar[str] = (
        "Which pattern in the picture does a unit answer to? Its activation is projected back to the pixels, "
        "and everything that speaks against it is dropped on the way."
    )
    source: ClassVar[str] = "Zeiler and Fergus 2013, arXiv:1311.2901; as a backward rule: Springenberg et al. 2014"
    version: ClassVar[int] = 1
