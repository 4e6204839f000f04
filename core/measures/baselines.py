"""Baseline maps that do not depend on the picture: attribution methods should beat their measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.items import Floats

GAUSSIAN_STD = 0.25
"""Standard deviation of the central Gaussian, as a share of each side."""
MARGIN = 0.12
"""Margin around the central box, as a share of each side: the best fit to the objects' boxes of ImageNet."""
BLOB_STD = 0.05
"""Standard deviation of the blobs, as a share of the shorter side."""


def _offsets(length: int) -> NDArray[np.float64]:
    """Distances of pixel centers from the picture's center, as shares of the side, (length,)."""
    return (np.arange(length) + 0.5) / length - 0.5


def center_gaussian(height: int, width: int, seed: int = 0) -> Floats:  # noqa: ARG001  it is always the same
    """A Gaussian around the center, (H, W)."""
    profiles = [np.exp(-(_offsets(length) ** 2) / (2 * GAUSSIAN_STD**2)) for length in (height, width)]
    return np.outer(*profiles).astype(np.float32)


def center_box(height: int, width: int, seed: int = 0) -> Floats:  # noqa: ARG001  it is always the same
    """1 in a central box, 0 outside, (H, W)."""
    inside = [np.abs(_offsets(length)) <= 0.5 - MARGIN for length in (height, width)]
    return np.outer(*inside).astype(np.float32)


def random_blobs(height: int, width: int, seed: int = 0) -> Floats:
    """Smoothed noise in [0, 1], (H, W)."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    smooth = ndimage.gaussian_filter(noise, BLOB_STD * min(height, width), mode="wrap")
    shifted = smooth - smooth.min()
    values: Floats = (shifted / max(float(shifted.max()), 1e-12)).astype(np.float32)
    return values


BASELINES: Mapping[str, Callable[[int, int, int], Floats]] = {
    "center_gaussian": center_gaussian,
    "center_box": center_box,
    "random_blobs": random_blobs,
}
"""Name -> (height, width, seed) -> map (H, W)."""
