"""Maps that know nothing of the picture: what a measure gives for them is what has to be beaten."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.items import Floats

SPREAD = 0.25
"""Standard deviation of the central Gaussian, as a share of each side."""
MARGIN = 0.12
"""Of the central box, as a share of each side: boxes of ImageNet's objects are found best by this one."""
BLOB = 0.05
"""Standard deviation of the blobs, as a share of the shorter side."""


def _offsets(length: int) -> NDArray[np.float64]:
    """Distances of pixels' middles from the picture's middle, as shares of the side: (length,)."""
    return (np.arange(length) + 0.5) / length - 0.5


def center_gaussian(height: int, width: int, seed: int = 0) -> Floats:  # noqa: ARG001  it is always the same
    """A soft spot in the middle, (H, W)."""
    falls = [np.exp(-(_offsets(length) ** 2) / (2 * SPREAD**2)) for length in (height, width)]
    return np.outer(*falls).astype(np.float32)


def center_box(height: int, width: int, seed: int = 0) -> Floats:  # noqa: ARG001  it is always the same
    """1 in the middle, 0 along the border, (H, W)."""
    within = [np.abs(_offsets(length)) <= 0.5 - MARGIN for length in (height, width)]
    return np.outer(*within).astype(np.float32)


def random_blobs(height: int, width: int, seed: int = 0) -> Floats:
    """Smoothed noise, from 0 to 1, (H, W)."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    smooth = ndimage.gaussian_filter(noise, BLOB * min(height, width), mode="wrap")
    lowered = smooth - smooth.min()
    values: Floats = (lowered / max(float(lowered.max()), 1e-12)).astype(np.float32)
    return values


BASELINES: Mapping[str, Callable[[int, int, int], Floats]] = {
    "center_gaussian": center_gaussian,
    "center_box": center_box,
    "random_blobs": random_blobs,
}
"""Name -> (height, width, seed) -> map (H, W)."""
