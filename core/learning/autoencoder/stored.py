"""Trained autoencoders as weights in a result, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from core.items import Result, Weights
from core.learning.autoencoder.autoencoder import Autoencoder, Design
from core.learning.stored import model_of, result_of, weights_of
from core.method_base.method import Context

KIND = "autoencoder"


def as_weights(model: Autoencoder) -> Weights:
    """Weights of the model, for `autoencoder_of`."""
    return weights_of(model, KIND, asdict(model.design))


def trained_autoencoder(context: Context, key: str) -> Autoencoder:
    """The autoencoder in the result of this key, on the context's device. Raises BadInput where there is none."""
    return autoencoder_of(result_of(context, key, KIND), context.device)


def autoencoder_of(result: Result, device: torch.device | str) -> Autoencoder:
    """The trained autoencoder in a result, on `device`, in eval mode. Raises BadInput where there is none."""
    return model_of(result, KIND, _untrained, device)


def _untrained(design: dict[str, Any]) -> Autoencoder:
    parsed = Design(**design)
    return Autoencoder(parsed, torch.zeros(parsed.channels, parsed.side_px, parsed.side_px))
