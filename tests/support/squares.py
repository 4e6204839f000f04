"""A small data set that is easy to learn: squares on noise, whose color is their class."""

from __future__ import annotations

import numpy as np

from core.datasets.dataset import Dataset
from core.items import png_bytes

COLORS = {"red": (230, 30, 30), "green": (30, 200, 30), "blue": (40, 40, 230), "yellow": (230, 220, 40)}


def square(color: str, generator: np.random.Generator, side: int = 20) -> bytes:
    """A picture (side, side, 3) as PNG."""
    pixels = generator.integers(90, 160, (side, side, 3), dtype=np.uint8)
    top, left = generator.integers(0, side // 2, 2)
    pixels[top : top + side // 2, left : left + side // 2] = COLORS[color]
    return png_bytes(pixels)


def squares(each: int = 8, held_out: int = 2, classes: int = 3, side: int = 20, seed: int = 0) -> Dataset:
    """`each` pictures of each class to learn from, and `held_out` to measure with."""
    generator = np.random.default_rng(seed)
    names = tuple(COLORS)[:classes]
    labels = np.tile(np.arange(classes), each + held_out)
    pictures = [square(names[label], generator, side) for label in labels]
    return Dataset(names, pictures, labels, np.arange(len(labels)) >= each * classes)
