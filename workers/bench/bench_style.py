"""A step of `style_transfer`, everything included, against a forward and a backward pass of the encoder, and Adam."""

from __future__ import annotations

from torch import Tensor

from core.media.samples import sample
from core.method_base.style import sized
from core.method_base.style_encoder import automatic_style_layers, encoder_of
from core.methods import make_method
from core.networks.network import Network
from workers.bench import bare
from workers.bench.interleaved import Step, compare_with_bare
from workers.bench.row import Row

TARGET = 1.15
SIZE_PX = 224
LEARNING_RATE = 0.1


def run(*, quick: bool = False) -> Row:
    """Whole runs with the default parameters, except for the optimizer."""
    method = make_method("style_transfer", {"steps": 2 if quick else 200, "optimizer": "adam", "size_px": SIZE_PX})
    return compare_with_bare("style", method, bare_loop, turns=1 if quick else 3, target=TARGET)


def bare_loop(network: Network, picture: Tensor) -> Step:
    """Fourier parameterization, forward up to the last compared layer, backward, Adam; no style, no content."""
    photo = sized(sample("cat"), SIZE_PX, picture.device)
    leaf, pictures = bare.fourier(1, *photo.shape[2:])
    style_layers = automatic_style_layers(network, photo)
    encoder = encoder_of(network, style_layers)
    return bare.loop(
        leaf,
        lambda: encoder.read(encoder.parts(pictures()))[style_layers.content].square().sum(),
        bare.adam(LEARNING_RATE),
    )
