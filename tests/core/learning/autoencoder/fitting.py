"""Autoencoders of the digits, as the method trains them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from core.datasets.digits import digits
from core.learning.autoencoder.autoencoder import Design, build
from core.learning.autoencoder.evaluation import Evaluation
from core.learning.loop import Loop, Plan
from core.learning.pictures import Pictures, in_memory, mean_picture
from core.method_base.method import Context
from core.methods.autoencoder import Autoencoder


@cache
def pictures(side_px: int | None = None) -> Pictures:
    """The digits in memory."""
    return in_memory(digits(), side_px, "cpu")


def fitted(few_labels: int = 0, **parameters: Any) -> Evaluation:
    """Evaluation of an autoencoder trained with these parameters of the method; nothing is measured yet."""
    method = Autoencoder(**parameters)
    given = pictures(method.input_px)
    learner = method.learner(given, 0)
    Loop(learner, given.training, Plan(method.epochs, method.batch_size, 0)).run(Context())
    learner.model.eval()
    return Evaluation(learner.model, given, learner.recipe, few_labels)


def untrained(**parts: Any) -> Any:
    """A network with random weights for the digits; `parts` of its design."""
    given = pictures()
    design = Design(**{"architecture": "dense", "side_px": 8, "channels": 1, "code": 4, **parts})
    return build(design, mean_picture(given.training), 0)


def a_batch(count: int = 6, side: int = 8, channels: int = 1) -> torch.Tensor:
    """Pictures (count, channels, side, side) in [0, 1]."""
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(count))
