"""Fixations in a picture: isolated ones are removed, the others give a heat map and a box.

After Mopuri, Garg and Babu 2019 (arXiv:1708.06670), with every length as a share of the picture's size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

RADIUS = 0.1
"""Radius within which fixations support each other, as a share of the diagonal."""
MIN_SUPPORT = 0.05
"""A fixation is kept if more than this share of the total weight lies within the radius, its own included."""
SIGMA = 0.0533
"""Standard deviation of the heat map's Gaussian, as a share of the shorter side: 20 px at 375."""
DIM = 0.25
BOX_COLOR = (255, 64, 0)

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Box = tuple[float, float, float, float]


def supported(xy: Floats, weights: Floats, height: int, width: int) -> Flags:
    """Which fixations (K, 2) x, y in pixels are not isolated, (K,); all of them where otherwise none would be left."""
    if not len(xy):
        return np.zeros(0, bool)
    distance = RADIUS * float(np.hypot(height, width))
    neighborhoods = cKDTree(xy).query_ball_point(xy, np.nextafter(distance, 0))
    kept = np.array([weights[neighbors].sum() for neighbors in neighborhoods]) > MIN_SUPPORT * weights.sum()
    return kept if kept.any() else np.ones(len(xy), bool)


def heat(xy: Floats, weights: Floats, height: int, width: int) -> Floats:
    """Density of the fixations' weight at each pixel, (H, W), smoothed; 1 is a uniform density."""
    density_map = np.zeros((height, width))
    np.add.at(density_map, (xy[:, 1].astype(int), xy[:, 0].astype(int)), weights)
    total = density_map.sum()
    smooth = gaussian_filter(density_map, SIGMA * min(height, width), mode="constant")
    density: Floats = (smooth * (height * width / total if total else 0)).astype(np.float32)
    return density


def box(xy: Floats) -> Box | None:
    """Bounding box of fixations (K, 2): left, top, right, bottom in pixels; None where there are none."""
    if not len(xy):
        return None
    (left, top), (right, bottom) = xy.min(axis=0), xy.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def heaviest(weights: Numbers, share: float) -> Flags:
    """The fewest positions of (h, w) that hold `share` of the total weight; with 1, all of positive weight."""
    order = np.argsort(-weights, axis=None, kind="stable")
    before = np.cumsum(weights.flat[order]) - weights.flat[order]
    density_map = np.zeros(weights.size, bool)
    density_map[order[before < share * weights.sum() * (1 - 1e-9)]] = True
    return density_map.reshape(weights.shape) & (weights > 0)


def highlighted(pixels: Pixels, cells: Flags) -> Pixels:
    """A picture (H, W, 3) that is dimmed except where `cells` (h, w) of a layer's map are True."""
    height, width = pixels.shape[:2]
    rows = np.arange(height) * cells.shape[0] // height
    columns = np.arange(width) * cells.shape[1] // width
    visible = cells[rows[:, None], columns]
    return np.where(visible[..., None], pixels, (pixels * DIM).astype(np.uint8))


def with_box(pixels: Pixels, bounds: Box, color: tuple[int, int, int] = BOX_COLOR) -> Pixels:
    """The picture (H, W, 3) with the outline of `bounds` (left, top, right, bottom), two pixels wide."""
    image = PillowImage.fromarray(pixels.copy())
    left, top, right, bottom = bounds
    ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline=color, width=2)
    return np.asarray(image)
