"""A picture as the network saw it, scaled and cropped to its input; and how points look that lie on it."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage

from core.items import Floats, Image, Pixels, Points
from core.method_base.attribution import ORIGINAL
from core.store.manifest import Manifest
from core.store.store import Store

DOTS_AT_EASE = 60
"""Up to so many points are drawn at full size."""


def seen(store: Store, manifest: Manifest, width_px: int, height_px: int) -> Pixels | None:
    """The picture that the result keeps, (height, width, 3); None where it keeps none of this size. Raises Damaged."""
    if not keeps_seen(manifest):
        return None
    original = store.item(manifest, ORIGINAL.name)
    if isinstance(original, Image) and original.pixels.shape[:2] == (height_px, width_px):
        return original.pixels
    return None


def keeps_seen(manifest: Manifest) -> bool:
    """Whether the result keeps the picture as the network saw it."""
    return any((item.name, item.kind) == (ORIGINAL.name, ORIGINAL.kind) for item in manifest.items)


def framed(store: Store, manifest: Manifest, item: Points) -> Pixels:
    """The picture in the points' own frame, (height, width, 3): as the network saw it, where the result keeps that.

    A network sees a part of the picture, cropped: the whole one is scaled to the frame only where nothing better is
    kept. Raises Damaged.
    """
    kept = seen(store, manifest, item.width, item.height)
    if kept is not None:
        return kept
    pixels = store.picture_pixels(manifest.spec["pictures"][0]).pixels
    size = (item.width, item.height)
    return np.asarray(PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.LANCZOS))


def dot_looks(item: Points) -> tuple[Floats, Floats]:
    """How each point is drawn: radius (K,) in percent of the frame's longer side, and opacity (K,) of 0 to 1.

    A dot's area grows with its weight. Where there are many, all are smaller, so that the picture is seen between them.
    """
    count = len(item.xy)
    weights = np.ones(count, np.float32) if item.weights is None else np.abs(item.weights)
    shares = np.sqrt(weights / max(float(weights.max(initial=0)), 1e-12))
    crowding = np.clip((DOTS_AT_EASE / max(count, 1)) ** 0.25, 0.4, 1.0)
    radii = crowding * (0.5 + 1.5 * shares)
    return radii.astype(np.float32), (0.35 + 0.55 * shares).astype(np.float32)
