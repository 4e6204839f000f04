"""A study with synthetic results whose measures are known: remaining discs and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.items import Image, Item, Pixels, Result, Table
from core.jobs.comparison import Cell, Comparison, PictureRef
from core.media.picture import Picture
from core.methods import make_method
from core.methods.patch_shuffle import COLUMNS
from core.store.store import Store
from tests.support.kept import PROVENANCE

CNN, VIT, MIXER = "random/resnet18", "random/vit_tiny_patch16_224", "random/mixer_s16_224"
SIDE = 64


def disc(radius: float) -> Pixels:
    """A white disc on black, (64, 64, 3) uint8."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(rows - SIDE / 2, columns - SIDE / 2) < radius
    return np.repeat((inside * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def a_study(
    store: Store,
    radii: Mapping[str, float],
    kept: Mapping[str, float],
    pictures: int = 12,
    absent: Sequence[str] = (),
) -> Comparison:
    """A grid in which a disc of each network's radius remains.

    `kept` is the share of shuffled pictures whose prediction each network retains; `absent` networks have no results.
    """
    random = np.random.default_rng(pictures)
    refs = tuple(
        PictureRef(
            store.inputs.put_picture(Picture.from_pixels(random.integers(0, 255, (8, 8, 3), np.uint8))), f"tabby · {i}"
        )
        for i in range(pictures)
    )
    methods = (make_method("detail_search", {}), make_method("patch_shuffle", {}))
    comparison = Comparison(refs, tuple(radii), methods)
    store.put_comparison(comparison)
    for cell in comparison.cells():
        if cell.network not in absent:
            number = [ref.digest for ref in refs].index(cell.picture.digest)
            store.publish(cell.spec, Result(_items(cell, number, radii, kept)), PROVENANCE)
    return comparison


def _items(cell: Cell, number: int, radii: Mapping[str, float], kept: Mapping[str, float]) -> dict[str, Item]:
    if cell.method.name == "patch_shuffle":
        share = kept[cell.network]
        rows = [(1, 1, "tabby", 0.9, 0.9)]
        rows += [
            (parts, order, "tabby" if (number + order) % 4 < 4 * share else "lynx", 0.5, 0.5)
            for parts in (2, 4, 8)
            for order in range(1, 5)
        ]
        return {"shuffled": Image(pixels=disc(28)), "predictions": Table(columns=COLUMNS, rows=tuple(rows))}
    return {
        "remaining": Image(pixels=disc(radii[cell.network] + number % 3)),
        "original": Image(pixels=disc(28)),
    }
