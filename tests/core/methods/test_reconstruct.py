from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInput, BadParameter
from core.items import Image, Map, Pixels, Result, Series
from core.learning.autoencoder.stored import as_weights
from core.media.picture import Picture
from core.methods import make_method
from tests.core.learning.autoencoder.fitting import untrained
from tests.support.contexts import StoredContext

KEY = "a" * 64
MODEL = untrained().eval()


def run(pixels: Pixels, model: str = KEY) -> Result:
    context = StoredContext({KEY: {"network": as_weights(MODEL)}})
    return make_method("reconstruct", {"model": model}).run_without_network([Picture.from_pixels(pixels)], context)


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_picture_reconstruction_and_error_have_the_same_size() -> None:
    items = run(noise(60, 40)).items
    original, reconstruction, error = (items[name] for name in ("original", "reconstruction", "error"))
    assert isinstance(original, Image)
    assert isinstance(reconstruction, Image)
    assert isinstance(error, Map)
    assert original.pixels.shape == reconstruction.pixels.shape == (*error.values.shape, 3) == (320, 320, 3)


def test_error_and_code_are_those_of_the_network() -> None:
    result = run(np.full((8, 8, 3), 128, np.uint8))
    gray = MODEL.mean.new_full((1, 1, 8, 8), 128 / 255)
    reconstruction, codes = MODEL(gray)
    stored = (reconstruction.detach().clamp(0, 1) * 255).round() / 255
    assert result.metrics["squared_error"] == pytest.approx(float((stored - gray).square().mean()), rel=1e-4)
    code = result.items["code"]
    assert isinstance(code, Series)
    assert code.y == pytest.approx(codes[0].detach().numpy(), abs=1e-6)


def test_a_gray_autoencoder_gives_gray_images() -> None:
    original = run(noise(8, 8)).items["original"]
    assert isinstance(original, Image)
    assert (original.pixels == original.pixels[..., :1]).all()


def test_an_autoencoder_is_required() -> None:
    with pytest.raises(BadParameter, match="model must be the key of a trained autoencoder, got none"):
        run(noise(8, 8), "")
    with pytest.raises(BadInput, match=f"there is no result {'b' * 12} here"):
        run(noise(8, 8), "b" * 64)
