"""A picture as the network received it, scaled and cropped to its input size; and the style of dots drawn on it."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage

from core.items import Floats, Image, Pixels, Points
from core.method_base.attribution import ORIGINAL
from core.store.manifest import Manifest
from core.store.store import Store

MAX_FULL_SIZE_DOTS = 60
"""More dots than this are drawn smaller."""


def stored_view(store: Store, manifest: Manifest, width_px: int, height_px: int) -> Pixels | None:
    """The network's view that the result stores, (height, width, 3) uint8; None without one of this size.

    Raises Damaged.
    """
    if not has_stored_view(manifest):
        return None
    original = store.item(manifest, ORIGINAL.name)
    if isinstance(original, Image) and original.pixels.shape[:2] == (height_px, width_px):
        return original.pixels
    return None


def has_stored_view(manifest: Manifest) -> bool:
    """Whether the result stores the picture as the network received it."""
    return any((item.name, item.kind) == (ORIGINAL.name, ORIGINAL.kind) for item in manifest.items)


def points_background(store: Store, manifest: Manifest, item: Points) -> Pixels:
    """The picture in the points' coordinates, (height, width, 3) uint8.

    This is the network's view, which is cropped, where the result stores it; else the whole picture, scaled. Raises
    Damaged.
    """
    view = stored_view(store, manifest, item.width, item.height)
    if view is not None:
        return view
    pixels = store.inputs.picture(manifest.spec["pictures"][0], keep_damaged=True).pixels
    size = (item.width, item.height)
    return np.asarray(PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.LANCZOS))


def dot_styles(item: Points) -> tuple[Floats, Floats]:
    """Radius (K,) in percent of the longer side, and opacity (K,) from 0 to 1, of each point's dot.

    A dot's area grows with its weight. Many dots are drawn smaller, so that the picture remains visible between them.
    """
    count = len(item.xy)
    weights = np.ones(count, np.float32) if item.weights is None else np.abs(item.weights)
    shares = np.sqrt(weights / max(float(weights.max(initial=0)), 1e-12))
    crowding = np.clip((MAX_FULL_SIZE_DOTS / max(count, 1)) ** 0.25, 0.4, 1.0)
    radii = crowding * (0.5 + 1.5 * shares)
    return radii.astype(np.float32), (0.35 + 0.55 * shares).astype(np.float32)
