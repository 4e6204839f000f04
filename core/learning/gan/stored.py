"""Trained generators as weights in a result, and back."""

from __future__ import annotations

from dataclasses import asdict

from core.items import Weights
from core.learning.gan.networks import Design, Generator
from core.learning.stored import model_of, result_of, weights_of
from core.method_base.method import Context

KIND = "generator"


def as_weights(model: Generator) -> Weights:
    """Weights of the generator, for `trained_generator`."""
    return weights_of(model, KIND, asdict(model.design))


def trained_generator(context: Context, key: str) -> Generator:
    """The generator in the result of this key, in eval mode on the context's device. Raises BadInput."""
    return model_of(result_of(context, key, KIND), KIND, lambda design: Generator(Design(**design)), context.device)
