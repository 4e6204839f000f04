"""Fixations in a picture: those that lie alone are left out, the others make a heat map and a box.

After Mopuri, Garg and Babu 2019 (arXiv:1708.06670), with every length as a share of the picture's size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

NEAR = 0.1
"""Share of the diagonal within which fixations support each other."""
ENOUGH = 0.05
"""A fixation stays if more than this share of all the weight lies near it, its own included."""
SIGMA = 0.0533
"""Of the heat map's Gaussian, a share of the shorter side: 20 px at 375."""
DIM = 0.25
FRAME = (255, 64, 0)

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Box = tuple[float, float, float, float]


def supported(xy: Floats, weights: Floats, height: int, width: int) -> Flags:
    """Which fixations (K, 2) do not lie alone, (K,); all of them where else none would be left."""
    if not len(xy):
        return np.zeros(0, bool)
    distance = NEAR * float(np.hypot(height, width))
    near = cKDTree(xy).query_ball_point(xy, np.nextafter(distance, 0))
    kept = np.array([weights[others].sum() for others in near]) > ENOUGH * weights.sum()
    return kept if kept.any() else np.ones(len(xy), bool)


def heat(xy: Floats, weights: Floats, height: int, width: int) -> Floats:
    """How much weight lies at each pixel (H, W), smoothed: 1 is what each would have if all had the same."""
    found = np.zeros((height, width))
    np.add.at(found, (xy[:, 1].astype(int), xy[:, 0].astype(int)), weights)
    total = found.sum()
    smooth = gaussian_filter(found, SIGMA * min(height, width), mode="constant")
    density: Floats = (smooth * (height * width / total if total else 0)).astype(np.float32)
    return density


def box(xy: Floats) -> Box | None:
    """Left, top, right, bottom of all of them, in pixels; None of none."""
    if not len(xy):
        return None
    (left, top), (right, bottom) = xy.min(axis=0), xy.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def heaviest(weights: Numbers, share: float) -> Flags:
    """The fewest places of (h, w) that hold `share` of all the weight; with 1, all that hold any."""
    order = np.argsort(-weights, axis=None, kind="stable")
    before = np.cumsum(weights.flat[order]) - weights.flat[order]
    found = np.zeros(weights.size, bool)
    found[order[before < share * weights.sum() * (1 - 1e-9)]] = True
    return found.reshape(weights.shape) & (weights > 0)


def lit(pixels: Pixels, cells: Flags) -> Pixels:
    """A picture (H, W, 3) as it is where `cells` (h, w) of a layer's map are, and dim elsewhere."""
    height, width = pixels.shape[:2]
    rows = np.arange(height) * cells.shape[0] // height
    columns = np.arange(width) * cells.shape[1] // width
    shown = cells[rows[:, None], columns]
    return np.where(shown[..., None], pixels, (pixels * DIM).astype(np.uint8))


def framed(pixels: Pixels, around: Box, color: tuple[int, int, int] = FRAME) -> Pixels:
    """The picture with a line around the box, two pixels wide."""
    drawn = PillowImage.fromarray(pixels.copy())
    left, top, right, bottom = around
    ImageDraw.Draw(drawn).rectangle((left, top, right, bottom), outline=color, width=2)
    return np.asarray(drawn)
